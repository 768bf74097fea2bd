"""Speech in the ribbons of a file and of a match."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, judge_scan
from tests.fixtures import MakeClient
from web.portal.pictures.ribbon import Ribbon

pytestmark = pytest.mark.django_db

PLAY = (70_000, 90_000, 5_000, 25_000)
TALK = {"kind": "no_match", "start_ms": 0, "end_ms": 70_000, "sound": "speech"}
MUSIC = {"kind": "no_match", "start_ms": 90_000, "end_ms": 120_000, "sound": "music"}


def spoken(ribbon: Ribbon) -> int:
    """Return how many intervals the speech lane has."""
    return sum(len(fact.boxes) for fact in ribbon.facts if fact.kind == "speech")


def test_speech_has_a_lane_with_a_match_under_it_and_without(signed_in: MakeClient) -> None:
    scan = ScanFactory.create(unmatched=[TALK, MUSIC], scanned_file__length_ms=120_000)
    judge_scan(scan, (70, "speech"), (10, "music"), (10, "both"), (30, "music"))
    match = make_match(PLAY, scan=scan, speech=(0.5, 0.5))
    client: Client = signed_in(Role.REVIEWER)

    for page in (reverse("portal:file_detail", args=[scan.scanned_file.uid]), match.review_url):
        assert spoken(client.get(page).context["ribbon"]) == 2, page
    answer = client.get(f"/api/portal/v1/files/{scan.scanned_file.uid}/timeline/").json()
    assert [(row["start_ms"], row["kind"]) for row in answer["music_speech"]] == [
        (0, "speech"),
        (70_000, "music"),
        (80_000, "both"),
        (90_000, "music"),
    ]
    assert [piece["sound"] for piece in answer["pieces"]] == ["speech", "", "music"]


def test_speech_that_a_recording_holds_itself_is_not_over_its_play(
    signed_in: MakeClient,
) -> None:
    scan = ScanFactory.create(unmatched=[TALK, MUSIC], scanned_file__length_ms=120_000)
    judge_scan(scan, (70, "speech"), (20, "both"), (30, "music"))
    match = make_match(PLAY, scan=scan, speech=(0.0, 0.0))

    ribbon = signed_in(Role.REVIEWER).get(match.review_url).context["ribbon"]

    assert spoken(ribbon) == 1
