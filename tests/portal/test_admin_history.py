"""The "History" of the admin: our events, with the state of their chain."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.labels import action_label
from base.audit.models import Event
from base.audit.services import record
from reports.evidence.models import EvidencePack
from scanning.models import Detection
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from web.portal.admin.history import case_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mia")


@pytest.fixture
def client(manager: User) -> Client:
    manager.is_staff = True
    manager.save()
    client = Client()
    client.force_login(manager)
    return client


def test_history_of_a_match_is_its_chain_of_events(client: Client, manager: User) -> None:
    match = make_match()
    deciding.reject(match=match, user=manager, version=1, reason="noise", note="only hum")
    address = reverse("admin:review_match_history", args=[match.pk])

    content = client.get(address).content.decode()
    assert f"2 events of <code>match:{match.uid}</code>" in content
    assert "Noise · <bdi>only hum" in content
    assert "the chain is intact" in content
    form = client.get(reverse("admin:review_match_change", args=[match.pk]))
    assert "history/" in form.content.decode()

    Event.objects.create(
        case=match.case,
        sequence=3,
        at=Event.objects.latest("pk").at,
        actor_name="nobody",
        action="confirm",
        previous_hash="0" * 64,
        hash="0" * 64,
    )
    broken = client.get(address).content.decode()
    assert "The chain is broken at event 3." in broken

    gone = client.get(reverse("admin:review_match_history", args=[999_999]))
    assert gone.status_code == 302
    client.force_login(User.objects.create_user("stranger", is_staff=True))
    assert client.get(address).status_code == 403


def test_events_of_accounts_name_the_person_and_the_role() -> None:
    admin = make_user(Role.ADMIN, username="ada")
    admin.is_staff = True
    admin.save()
    client = Client()
    client.force_login(admin)
    lena = make_user(Role.REVIEWER, username="lena")
    role = lena.groups.get()
    record(case=f"user:{lena.pk}", action="user.changed", actor=admin)
    record(case=f"group:{role.pk}", action="group.changed", actor=admin)
    record(case="user:999999", action="user.changed", actor=admin)
    events = reverse("admin:audit_event_changelist")

    every = client.get(events).content.decode()
    page = client.get(events, {"q": "lena"}).content.decode()

    for name in ("lena", role.name, "999999"):
        assert f'<span class="cell-sub">{name}</span>' in every
    assert f'<span class="cell-sub">{lena.pk}</span>' not in every
    assert '<span class="cell-sub">lena</span>' in page
    assert "999999" not in page
    assert action_label("dedup.keep") == "Duplicates kept apart"
    assert action_label("licence.created") == "Licence created"


def test_what_has_a_case_has_its_history(client: Client, manager: User) -> None:
    recording = RecordingFactory.create()
    texts = [
        ("catalogue_recording", recording),
        ("catalogue_bucket", BucketFactory.create()),
        ("scanning_scannedfile", ScannedFileFactory.create()),
        ("scanning_container", ContainerFactory.create()),
        ("review_licence", make_licence(recordings=[recording])),
        ("review_policy", make_policy()),
    ]
    suggestion = "suggestion:sg_01M5QQZB9XMXDD2S87D7"
    for name, row in texts:
        case = case_of(row)
        record(case=case, action="looked_at", note=f"at {name}")
        record(case=case, action="updated", actor=manager, note=suggestion)

        page = client.get(reverse(f"admin:{name}_history", args=[row.pk]))

        assert f"at {name}" in page.content.decode()
        assert f"<code>{suggestion}</code>" in page.content.decode()


def test_screens_offer_a_history_only_where_one_is_kept(client: Client, manager: User) -> None:
    pack = EvidencePack.objects.create(match=make_match(), requested_by=manager)
    record(case=pack.case, action="evidence.failed", note="no room")

    history = client.get(reverse("admin:reports_evidencepack_history", args=[pack.pk]))
    of_pack = client.get(reverse("admin:reports_evidencepack_change", args=[pack.pk]))
    detection = Detection.objects.get()
    of_detection = client.get(reverse("admin:scanning_detection_change", args=[detection.pk]))

    assert "no room" in history.content.decode()
    assert "historylink" in of_pack.content.decode()
    assert "historylink" not in of_detection.content.decode()
