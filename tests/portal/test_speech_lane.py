"""Speech in the ribbons of a file and of a match."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory
from tests.fixtures import MakeClient
from web.portal.pictures.ribbon import Ribbon

pytestmark = pytest.mark.django_db

PLAY = (70_000, 90_000, 5_000, 25_000)
TALK = {"kind": "no_match", "start_ms": 0, "end_ms": 70_000, "speech_pct": 93.0}
MUSIC = {"kind": "no_match", "start_ms": 90_000, "end_ms": 120_000, "speech_pct": 4.0}


def spoken(ribbon: Ribbon) -> int:
    """Return how many intervals the speech lane has."""
    return sum(len(fact.boxes) for fact in ribbon.facts if fact.kind == "speech")


@pytest.mark.parametrize(("under", "lanes"), [("80.0", 2), ("10.0", 1)])
def test_speech_has_a_lane_with_a_match_over_it_and_without(
    signed_in: MakeClient, under: str, lanes: int
) -> None:
    scan = ScanFactory.create(unmatched=[TALK, MUSIC], scanned_file__length_ms=120_000)
    match = make_match(PLAY, scan=scan, segment={"speech_pct": Decimal(under)})
    client: Client = signed_in(Role.REVIEWER)

    for page in (reverse("portal:file_detail", args=[scan.scanned_file.uid]), match.review_url):
        assert spoken(client.get(page).context["ribbon"]) == lanes, page
