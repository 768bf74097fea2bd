"""The decision about the same recording in the same programme, offered as one key."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from review.choices import MatchState
from review.models import Match
from review.programmes.models import Episode
from review.services.folding import fold_scan
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, make_detection
from tests.portal.review.reviewing import decide

pytestmark = pytest.mark.django_db


@pytest.fixture
def earlier() -> Match:
    return make_match()


@pytest.fixture
def later(earlier: Match) -> Match:
    """The same recording in another file."""
    scan = ScanFactory.create()
    make_detection((0, 20_000, 0, 20_000), scan=scan, recording=earlier.recording)
    fold_scan(scan=scan)
    return scan.scanned_file.matches.get()


def say(match: Match, **values: str) -> None:
    for name, value in values.items():
        setattr(match.scanned_file, name, value)
    match.scanned_file.save()


def pane(client: Client, match: Match) -> str:
    url = reverse("portal:match_preview", args=[match.uid])
    return client.get(url).content.decode()


def test_a_rejection_is_made_again_with_its_reason(
    client: Client, earlier: Match, later: Match
) -> None:
    say(earlier, programme="Evening")
    say(later, programme="evening")
    assert "data-again" not in pane(client, later)
    decide(client, earlier, "reject", code="noise", note="hum")
    client.post(reverse("portal:match_note", args=[earlier.uid]), {"note": "ask the station"})

    text = pane(client, later)

    assert "of the same programme: Noise" in text
    assert 'name="note" value="hum"' in text
    decide(client, later, "reject", code="noise", note="hum")
    later.refresh_from_db()
    assert later.state == MatchState.REJECTED


def test_series_and_account_are_precedents_but_not_other_programmes(
    client: Client, earlier: Match, later: Match
) -> None:
    say(earlier, programme="Evening")
    say(later, programme="Morning")
    decide(client, earlier, "confirm")

    assert "data-again" not in pane(client, later)
    for match in (earlier, later):
        say(match, account="radio")
    assert "of the same account" in pane(client, later)
    for match in (earlier, later):
        say(match, account="")
        Episode.objects.create(scanned_file=match.scanned_file, series="Pier")
    assert "of the same series" in pane(client, later)
