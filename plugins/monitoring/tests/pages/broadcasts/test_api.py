"""Broadcasts by the portal's own API: read, written, refused with a field."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.tests.factories.streams import StationFactory
from review.programmes.models import Episode
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

JSON = "application/json"


def test_an_episode_is_written_with_the_version_that_was_read(reviewer: Client) -> None:
    url = reverse("api:episode", args=[ScannedFileFactory.create().uid])
    first = reviewer.get(url).json()
    assert first["series"] == ""
    sent = {"series": "Pier Stories", "version": first["version"]}
    answer = reviewer.put(url, sent, content_type=JSON)
    assert answer.json()["series"] == "Pier Stories"
    late = reviewer.put(url, sent | {"series": "Other"}, content_type=JSON)
    assert (late.status_code, late.json()["code"]) == (409, "stale")
    assert Episode.objects.get().series == "Pier Stories"


def test_broadcasts_are_added_changed_and_deleted(reviewer: Client) -> None:
    station = StationFactory.create(time_zone="Europe/Zurich")
    file = ScannedFileFactory.create()
    url = reverse("api:broadcasts", args=[file.uid])
    sent: dict[str, object] = {
        "station": station.uid,
        "starts_at": "2026-11-03T07:00",
        "length_ms": 1_800_000,
    }
    made = reviewer.post(url, sent, content_type=JSON)
    assert made.status_code == 201
    assert made.json()["starts_at"] == "2026-11-03T07:00:00+01:00"
    assert reviewer.post(url, sent, content_type=JSON).status_code == 409
    skipped = reviewer.post(url, sent | {"starts_at": "2026-03-29 02:30"}, content_type=JSON)
    assert skipped.status_code == 422
    assert "summer time began" in skipped.json()["errors"]["starts_at"][0]
    address = reverse("api:broadcast", args=[file.uid, made.json()["uid"]])
    changed = reviewer.put(
        address,
        sent | {"showing": "repeat_run", "version": made.json()["version"]},
        content_type=JSON,
    )
    assert changed.json()["showing"] == "repeat_run"
    assert reviewer.get(url).json()[0] == changed.json() == reviewer.get(address).json()
    assert reviewer.delete(address).status_code == 204
    assert not Broadcast.objects.exists()


def test_uses_are_written_by_those_who_decide(reviewer: Client) -> None:
    match = make_match()
    url = reverse("api:uses", args=[match.scanned_file.uid])
    sent = {"recording": match.recording.uid, "use": "Theme", "live": False}
    assert reviewer.put(url, sent, content_type=JSON).status_code == 200
    (use,) = reviewer.get(url).json()
    assert (use["use"], use["live"], use["own_recording"]) == ("Theme", False, None)
    wrong = reviewer.put(url, sent | {"recorded_in": "XX"}, content_type=JSON)
    assert "recorded_in" in wrong.json()["errors"]
    unknown = reviewer.put(url, sent | {"recording": "r_gone"}, content_type=JSON)
    assert unknown.status_code == 422


def test_figures_are_read_by_role_and_scope(signed_in: MakeClient) -> None:
    station = StationFactory.create()
    audiences = reverse("api:station_audiences", args=[station.uid])
    revenues = reverse("api:station_revenues", args=[station.uid])
    reviewer, manager = signed_in(Role.REVIEWER), signed_in(Role.MANAGER)
    answer = reviewer.put(audiences, {"month": "2026-11", "listeners": 0}, content_type=JSON)
    assert answer.json()["listeners"] == 0
    assert Audience.objects.get().performances is None
    assert reviewer.get(revenues).status_code == 403
    sent = {
        "month": "2026-11",
        "rights_type": "PerformingRight",
        "net_revenue": "12.50",
        "currency": "CHF",
    }
    assert manager.put(revenues, sent, content_type=JSON).status_code == 200
    assert manager.get(revenues).json()[0]["net_revenue"] == "12.50"
    gone = manager.put(revenues, sent | {"net_revenue": None}, content_type=JSON)
    assert gone.json()["net_revenue"] is None
    assert not Revenue.objects.exists()
    made = create_token(owner=make_user(Role.MANAGER), name="a", scopes=["read"])
    head = {"Authorization": f"Bearer {made.secret}"}
    assert Client().get(audiences, headers=head).status_code == 200
    assert Client().get(revenues, headers=head).status_code == 403
    assert Client().get(reverse("api:stations"), headers=head).json()[0]["uid"]


def test_an_upload_says_episode_and_broadcast(reviewer: Client) -> None:
    station = StationFactory.create(time_zone="Europe/Zurich")
    container = ContainerFactory.create()
    sent: dict[str, object] = {
        "container": container.pk,
        "series": "Pier Stories",
        "episode": "5",
        "station": station.uid,
        "starts_at": "2026-03-29 02:30",
    }
    sound = SimpleUploadedFile("fog.wav", b"RIFF" + bytes(4096))
    wrong = reviewer.post(reverse("api:files"), sent | {"file": sound})
    assert wrong.status_code == 422
    assert "starts_at" in wrong.json()["errors"]
    sound.seek(0)
    sent["starts_at"] = "2026-11-03 07:00"
    assert reviewer.post(reverse("api:files"), sent | {"file": sound}).status_code == 201
    assert Episode.objects.get().number == "5"
    assert Broadcast.objects.get().station == station
    # The page for browsers without scripts takes the same fields.
    page = reviewer.post(
        reverse("portal:upload"),
        sent
        | {
            "starts_at": "2026-11-04 07:00",
            "files": SimpleUploadedFile("mist.wav", b"RIFF" + bytes(5000)),
        },
    )
    assert page.status_code == 200
    assert Broadcast.objects.count() == 2
    page = reviewer.post(reverse("portal:upload"), sent | {"starts_at": "soon"})
    assert "Write date and time as" in page.content.decode()
