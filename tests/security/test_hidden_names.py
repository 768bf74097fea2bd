"""No page, table or answer names what a person with access limits may not see."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from base.accounts.reach import working_for
from catalogue.models import IntakeRule, Recording
from catalogue.owners.models import Party
from catalogue.owners.selectors import parties_in_reach
from dedup.intake import AlreadyInCatalogue, Newcomer, add_prepared
from reports.evidence.models import EvidencePack, PackStatus
from reports.evidence.selectors import names_hidden_rules
from reports.evidence.statement import issue_built
from reports.selectors import match_rows
from review.choices import MatchState
from review.models import Licence, Match
from review.services import evaluation, licences, policies
from review.services.applications import applications
from review.subjects import Subject
from statements.kinds import Fact
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.security.addresses import every_address
from tests.security.admin_screens import SCREENS
from tests.security.hidden import HIDDEN, HiddenWorld, make_world
from web.acrapi.dedup import alias_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> HiddenWorld:
    """Return two desks; all names of the other one begin with ``HIDDEN``."""
    return make_world()


@pytest.mark.slow
def test_no_page_of_the_admin_and_no_search_names_what_is_hidden(world: HiddenWorld) -> None:
    """The matrix looks at all other addresses, ``test_admin`` at all lists and rows."""
    client = Client()
    client.force_login(world.own.user)
    paths = set(_paths(world))

    names = {path: world.names_in(_answer(client, path)) for path in sorted(paths)}

    assert len(paths) > 50
    assert not {path: names for path, names in names.items() if names}


def _paths(world: HiddenWorld) -> Iterator[str]:
    """Yield the admin's pages except for lists and rows, and searches for hidden names."""
    lists = {reverse(f"admin:{_name(apps.get_model(label))}_changelist") for label in SCREENS}
    plain = {f"/{address.route}" for address in every_address() if "<" not in address.route}
    yield from (path for path in plain - lists if path.startswith("/admin/"))
    for row in (world.own.match, world.own.recording, world.own.bucket, world.own.file):
        yield reverse(f"admin:{_name(type(row))}_history", args=[row.pk])
    yield from (f"{reverse('portal:search')}?q={text}" for text in (HIDDEN[1:-1], "LIC"))


def _name(model: type[Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}"


def _answer(client: Client, path: str) -> bytes:
    with transaction.atomic():
        answer = client.get(path)
        sent = b"".join(answer) if answer.streaming else answer.content
        transaction.set_rollback(True)
    assert answer.status_code < 500, path
    return sent


def test_what_a_hidden_rule_did_is_told_without_its_name(world: HiddenWorld) -> None:
    client = Client()
    client.force_login(world.own.user)
    match = world.own.match

    page = client.get(match.review_url).content.decode()
    answer = client.get(f"/api/portal/v1/matches/{match.uid}/").json()

    assert "a licence (not visible to you)" in page
    assert answer["decided_by_name"] == "licence:"
    Match.objects.filter(pk=match.pk).update(decided_by_name=f"policy:{HIDDEN} rule")
    answer = client.get(f"/api/portal/v1/matches/{match.uid}/").json()
    assert answer["decided_by_name"] == "policy:"


def test_stored_answers_are_for_who_sees_every_bucket(world: HiddenWorld) -> None:
    own, title = world.own, f"{HIDDEN} title"
    scan = own.match.scan
    type(scan).objects.filter(pk=scan.pk).update(buckets=[{"id": 1, "name": title}])
    stored: dict[str, dict[str, Any]] = {  # Any: a column's value
        "InboundCallback": {"body": title},
        "OutboundCallback": {"body": title},
        "CloudJob": {"raw": zlib.compress(title.encode())},
    }
    rows: list[Model] = [scan]
    for label, columns in stored.items():
        row = SCREENS[f"scanning.{label}"].row(own)
        type(row)._base_manager.filter(pk=row.pk).update(**columns)
        rows.append(row)
    pages = [
        reverse(f"admin:scanning_{row._meta.model_name}_change", args=[row.pk]) for row in rows
    ]
    client = Client()

    client.force_login(own.user)
    limited = [HIDDEN.encode() in _answer(client, page) for page in pages]
    guessed = client.get("/admin/scanning/outboundcallback/", {"body__contains": title})
    client.force_login(world.admin)
    everything = [HIDDEN.encode() in _answer(client, page) for page in pages]

    assert (limited, everything) == ([False] * 4, [True] * 4)
    assert guessed.status_code == 400


def test_a_report_names_no_hidden_rule(world: HiddenWorld) -> None:
    keys = [world.own.match.pk]

    with working_for(world.own.user):
        limited = str(match_rows(keys, None))
    everything = str(match_rows(keys, None))

    number = Licence.objects.get(holder=f"{HIDDEN} holder").number
    assert [text in everything for text in (HIDDEN, number)] == [True, True]
    assert [text in limited for text in (HIDDEN, number)] == [False, False]


def test_a_merged_recording_is_shown_itself_if_what_stands_for_it_is_hidden(
    world: HiddenWorld,
) -> None:
    """The recording that stayed was moved to a bucket that the reader may not see."""
    own, other_desk = world.own, world.other
    other_desk.recording.custom_id = ""
    other_desk.recording.save()
    own.recording.merged_into, own.recording.status = other_desk.recording, "retired"
    own.recording.custom_id = "OWN-1"
    own.recording.save()
    details = Recording(title="New", custom_id="OWN-1")
    newcomer = Newcomer(own.bucket, IntakeRule.IGNORE, False, None, "", None, None)

    with working_for(own.user):
        limited = str(match_rows([own.match.pk], None))
        with pytest.raises(AlreadyInCatalogue) as refused:
            add_prepared(newcomer=newcomer, details=details, user=own.user)
        recording = alias_of(Recording.objects.filter(custom_id="OWN-1"))

    assert HIDDEN in str(match_rows([own.match.pk], None))
    assert HIDDEN not in limited
    assert own.recording.title in limited
    assert HIDDEN not in str(refused.value)
    assert recording == own.recording


def test_a_pack_that_names_a_hidden_rule_stays_here(world: HiddenWorld) -> None:
    pack = EvidencePack(
        match=world.own.match, status=PackStatus.READY, sha256="0" * 64, size_bytes=6
    )
    pack.statement = issue_built(pack=pack, fact=Fact(match=world.own.match.uid))
    pack.file.save("pack.zip", ContentFile(b"sealed"))
    address = reverse("portal:evidence_zip", args=[pack.uid])
    client = Client()

    client.force_login(world.own.user)
    refused = client.get(address, follow=True)
    client.force_login(world.admin)
    sent = client.get(address)

    assert "policies that you may not see" in refused.content.decode()
    assert b"".join(sent) == b"sealed"


def test_a_pack_may_name_a_licence_that_was_withdrawn_since(world: HiddenWorld) -> None:
    recording = RecordingFactory.create(bucket=world.own.dedup_bucket)
    match = make_match(recording=recording)
    licence = make_licence(holder=f"{HIDDEN} past", recordings=[recording, world.other.recording])

    licences.withdraw(licence=licence, user=world.admin, reason="Ended")

    with working_for(world.own.user):
        assert names_hidden_rules(match)
    with working_for(world.admin):
        assert not names_hidden_rules(match)


def test_a_policy_counts_what_the_reader_may_see(world: HiddenWorld) -> None:
    other_match = make_match()
    policy = make_policy(name="Everywhere", user=world.admin)
    policies.apply(policy=policy, user=world.admin)
    for match in (world.own.match, world.other.match, other_match):
        Match.objects.filter(pk=match.pk).update(policy=policy)

    with working_for(world.own.user):
        (applied,) = applications(policy)
        client = Client()
        client.force_login(world.own.user)
        page = client.get(reverse("portal:policy_list"))

    assert (applied.count, applications(policy)[0].count) == (0, 1)
    counts = {row.name: row.times for row, _sentence in page.context["policies"]}
    assert counts["Everywhere"] == 1


def test_hidden_rules_act_for_everybody(world: HiddenWorld) -> None:
    with working_for(world.own.user):
        outcome = evaluation.evaluate(subject=Subject.of(world.own.match))
        assert not Licence.objects.filter(holder__startswith=HIDDEN).exists()

    assert outcome.state == MatchState.CLEARED
    assert outcome.licence == Licence.objects.get(holder=f"{HIDDEN} holder")


def test_a_merged_party_is_seen_with_the_one_that_stays(world: HiddenWorld) -> None:
    own, other_party = world.own.party(), world.other.party()
    once, twice = [], []
    for into in (own, other_party):
        once.append(Party.objects.create(name=f"Was {into.pk}", merged_into=into))
        twice.append(Party.objects.create(name="Was this", merged_into=once[-1]))
    unused = Party.objects.create(name="Nowhere")

    with working_for(world.own.user):
        seen = set(parties_in_reach())

    assert seen == {own, once[0], twice[0], unused}
