"""What search boxes of forms offer, and to whom."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from base.accounts.models import AccessLimit
from base.accounts.roles import Role
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.rules import make_licence
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def offered(client: Client, kind: str, text: str) -> list[str]:
    """Return the labels that a search box of this kind offers."""
    answer = client.get(reverse("portal:choices"), {"kind": kind, "q": text})
    return [choice["label"] for choice in answer.json()["choices"]]


def test_recordings_are_found_by_title_and_by_whole_code_within_limits() -> None:
    seen = RecordingFactory.create(title="Glass Harbour", isrc_normalised="QZAA02600017")
    RecordingFactory.create(title="Harbour 2")
    RecordingFactory.create(title="Ferry Lights")
    group = Group.objects.create(name="Desk")
    AccessLimit.objects.create(group=group, buckets=[seen.bucket_id])
    user, client = make_user(Role.VIEWER), Client()
    client.force_login(user)

    assert offered(client, "recordings", "harb") == ["Glass Harbour", "Harbour 2"]
    assert offered(client, "recordings", "QZ-AA0-26-00017") == ["Glass Harbour"]
    user.groups.add(group)
    assert offered(client, "recordings", "harb") == ["Glass Harbour"]


def test_names_are_offered_once(signed_in: MakeClient) -> None:
    client = signed_in(Role.VIEWER)
    for account in ("Example Channel", "Example Channel", "Other"):
        ScannedFileFactory.create(account=account)

    assert offered(client, "accounts", "chan") == ["Example Channel"]
    assert offered(client, "no such kind", "chan") == []


def test_a_form_names_what_is_chosen_and_drops_other_scopes(signed_in: MakeClient) -> None:
    client, recording = (signed_in(Role.MANAGER), RecordingFactory.create(title="Glass Harbour"))
    licence = make_licence(recordings=[recording])
    url = reverse("portal:licence_edit", args=[licence.uid])

    assert "Glass Harbour" in client.get(url).content.decode()
    client.post(
        url,
        {
            "holder": "Broadcaster",
            "scope": "label",
            "labels": "Northlight",
            "recordings": recording.uid,
            "use_kind": "any",
            "edited_uses": "covered",
            "on_expiry": "reopen",
        },
    )

    licence.refresh_from_db()
    assert (licence.labels, licence.recordings.count()) == (["Northlight"], 0)
