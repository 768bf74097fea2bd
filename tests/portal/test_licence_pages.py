"""Licence pages: who may open them, and their effects."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from base.accounts.roles import Role
from review.choices import MatchState
from review.models import Licence
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def terms(**changes: object) -> dict[str, object]:
    return {
        "holder": "Broadcaster",
        "scope": "recordings",
        "use_kind": "any",
        "edited_uses": "covered",
        "on_expiry": "reopen",
        **changes,
    }


def test_forms_are_for_managers(signed_in: MakeClient) -> None:
    licence = make_licence(recordings=[make_match().recording])
    forms = [
        reverse("portal:licence_create"),
        reverse("portal:licence_edit", args=[licence.uid]),
        reverse("portal:licence_preview", args=[licence.uid]),
    ]

    for role in Role:
        client, manages = signed_in(role), role in (Role.MANAGER, Role.ADMIN)
        for address in forms:
            expected = 200 if manages else 403
            assert client.get(address).status_code == expected, (role, address)
        posted = client.post(reverse("portal:licence_withdraw", args=[licence.uid]))
        assert posted.status_code == (302 if manages else 403), role


def test_the_preview_says_what_a_licence_clears_no_more(manager: Client) -> None:
    recording = make_match().recording
    elsewhere = make_licence(recordings=[recording], territories=["GB"])
    address = reverse("portal:licence_preview", args=[elsewhere.uid])
    page = manager.get(address).content.decode()
    assert "the territory of the use is unknown" in page

    for end, says in (
        (date(2020, 1, 1), "The licence has ended and clears nothing more."),
        (None, "The licence is in force, and no match is left for it to clear."),
    ):
        licence = make_licence(recordings=[recording], valid_until=end)
        address = reverse("portal:licence_preview", args=[licence.uid])
        manager.post(address, {"reach": "all"})
        assert says in manager.get(address).content.decode()


def test_form_says_what_is_wrong_and_keeps_what_was_typed(manager: Client) -> None:
    recording, address = make_match().recording, reverse("portal:licence_create")

    # Every missing field is named at once.
    missing = manager.post(
        address, terms(use_kind="account", valid_from="2026-12-01", valid_until="2026-11-01")
    )
    errors = set(missing.context["form"].errors)
    assert errors == {"recordings", "use_values", "valid_until"}

    for changes, why in (
        ({"recordings": "nobody-knows"}, "nobody-knows"),
        ({"recordings": ""}, "Name at least one"),
        ({"scope": "all"}, "would clear everything"),
        ({"valid_from": "2026-02-02", "valid_until": "2026-02-01"}, "before the start"),
        ({"territories": "Britain"}, "is not a territory"),
    ):
        sent = terms(**{"recordings": recording.uid, **changes})
        page = manager.post(address, sent).content.decode()
        assert why in page
        assert "Broadcaster" in page
    assert not Licence.objects.filter(built_in=False).exists()

    # What the chosen scope needs is not called optional.
    page = manager.get(address).content.decode()
    labels = re.findall(r"<label [^>]*>(.*?)</label>", page, re.S)
    words = [" ".join(strip_tags(label).split()) for label in labels]
    assert {"Buckets", "Labels", "Recordings", "Named uses"} <= set(words)
    assert "Territories (optional)" in words


def test_limits_of_edits_are_kept_only_where_they_count(manager: Client) -> None:
    recordings = make_match().recording.custom_id
    create = partial(manager.post, reverse("portal:licence_create"))
    fields = terms(recordings=recordings, edited_uses="within")

    assert "at least one limit" in create(fields).content.decode()
    # A licence may be valid for a single day.
    day = {"valid_from": "2026-02-02", "valid_until": "2026-02-02"}
    create({**fields, **day, "max_speed_pct": "2.5"})
    create({**fields, "edited_uses": "not_covered", "max_speed_pct": "2.5"})

    licences = Licence.objects.filter(built_in=False).order_by("pk")
    assert list(licences.values_list("edited_uses", "max_speed_pct", "max_semitones")) == [
        ("within", Decimal("2.50"), None),
        ("not_covered", None, None),
    ]


def test_licence_is_written_previewed_applied_and_undone(manager: Client) -> None:
    match = make_match()
    proof = SimpleUploadedFile("contract.pdf", b"signed")

    answer = manager.post(
        reverse("portal:licence_create"),
        terms(recordings=match.recording.custom_id, evidence_file=proof),
    )

    licence = Licence.objects.get(built_in=False)
    preview_url = reverse("portal:licence_preview", args=[licence.uid])
    assert answer["Location"] == preview_url
    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert match.recording.title in manager.get(preview_url).content.decode()

    manager.post(preview_url, {"reach": "all"})

    match.refresh_from_db()
    assert (match.state, match.licence) == (MatchState.CLEARED, licence)
    reply = manager.get(preview_url)
    assert "no match is left for it to clear" in reply.content.decode()
    assert 'name="reach"' not in reply.content.decode()
    sent = manager.get(reverse("portal:licence_evidence", args=[licence.uid]))
    assert "attachment" in sent["Content-Disposition"]
    assert b"".join(sent) == b"signed"

    act = reply.context["applications"][0].act
    manager.post(reverse("portal:licence_undo", args=[licence.uid]), {"act": act})

    match.refresh_from_db()
    licence.refresh_from_db()
    assert (match.state, licence.active) == (MatchState.PENDING, False)


def test_narrower_terms_are_saved_once_the_person_saw_what_reopens(manager: Client) -> None:
    match = make_match()
    licence = make_licence(recordings=[match.recording], in_force=False)
    preview = reverse("portal:licence_preview", args=[licence.uid])
    manager.post(preview, {"reach": "all"})
    narrower = terms(recordings=match.recording.uid, max_seconds=5)

    page = manager.post(licence.url, narrower)

    match.refresh_from_db()
    licence.refresh_from_db()
    assert (match.state, licence.max_seconds) == (MatchState.CLEARED, None)
    assert "Nothing is saved yet" in page.content.decode()
    assert "Reopens: a person decides again" in page.content.decode()
    seen = page.context["consequences"].mark
    answer = manager.post(licence.url, narrower | {"agreed": seen})

    match.refresh_from_db()
    assert answer.status_code == 302
    assert match.state == MatchState.PENDING


def test_a_licence_is_withdrawn_with_a_reason_and_a_preview_of_what_it_cleared(
    manager: Client,
) -> None:
    match = make_match()
    idle = make_licence(recordings=[match.recording], in_force=False)
    licence = make_licence(recordings=[match.recording], in_force=False)
    preview = reverse("portal:licence_preview", args=[licence.uid])
    manager.post(preview, {"reach": "all"})
    url = reverse("portal:licence_withdraw", args=[licence.uid])

    manager.post(url, {"reason": ""})
    answer = manager.post(url, {"reason": "never paid"})

    licence.refresh_from_db()
    assert licence.withdrawn_at is None
    assert 'name="reason" value="never paid"' in answer.content.decode()
    mark = answer.context["consequences"].mark
    manager.post(url, {"reason": "never paid", "agreed": mark})
    match.refresh_from_db()
    assert match.state == MatchState.PENDING

    # One that cleared nothing needs only the reason.
    url = reverse("portal:licence_withdraw", args=[idle.uid])
    manager.post(url, {"reason": ""})
    idle.refresh_from_db()
    assert idle.withdrawn_at is None
    manager.post(url, {"reason": "never paid"})
    idle.refresh_from_db()
    assert idle.withdrawn_at is not None


def test_own_accounts_are_edited_as_lines(manager: Client) -> None:
    manager.get(reverse("portal:licence_list"))
    own = Licence.objects.get(built_in=True)

    manager.post(own.url, {"use_values": "One\nTwo\nOne\n", "note": ""})

    own.refresh_from_db()
    assert own.use_values == ["One", "Two"]
