"""Estimates of speech, and what a person heard instead."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from reports.cue_sheets import cue_sheet
from reports.cues import Usage
from review.models import Match
from review.services.folding import fold_scan
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, make_detection

pytestmark = pytest.mark.django_db

SPOKEN = (0.63, 0.7)


@pytest.fixture
def reviewer(client: Client) -> User:
    user = make_user(Role.REVIEWER)
    client.force_login(user)
    return user


@pytest.fixture
def match() -> Match:
    return make_match(speech=SPOKEN)


def correct(client: Client, match: Match, heard: str) -> None:
    client.post(reverse("portal:match_speech", args=[match.uid]), {"heard": heard})
    match.refresh_from_db()


@pytest.mark.usefixtures("reviewer")
def test_an_estimate_says_how_sure_it_is(client: Client, match: Match) -> None:
    page = client.get(match.review_url).content.decode()
    unsure = make_match(speech=(0.4, 0.75))

    assert "about 70 %" in page
    text = client.get(unsure.review_url).content.decode()
    assert "40 to 75 %, not judged" in text
    assert unsure.under_speech is None
    (cue,) = cue_sheet(file=unsure.scanned_file).cues
    assert cue.usage is None


@pytest.mark.usefixtures("reviewer")
def test_a_correction_is_used_in_cue_sheets_and_outlives_a_rescan(
    client: Client, match: Match
) -> None:
    (before,) = cue_sheet(file=match.scanned_file).cues
    correct(client, match, "no")
    (after,) = cue_sheet(file=match.scanned_file).cues

    assert (before.usage, after.usage) == (Usage.BACKGROUND, Usage.FEATURED)
    assert (match.under_speech, match.speech_checked) == (False, True)
    assert match.queue_reason == "default"
    page = client.get(match.review_url).content.decode()
    assert "not over most of it, as a person heard" in page
    assert "heard no speech over most of it" in page

    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection(
        (70_000, 90_000, 5_000, 25_000), scan=scan, recording=match.recording, speech=SPOKEN
    )
    fold_scan(scan=scan)
    later = Match.objects.get(scan=scan)
    assert (later.under_speech, later.speech_checked) == (False, True)


def test_viewers_correct_nothing(client: Client, match: Match) -> None:
    client.force_login(make_user(Role.VIEWER))

    correct(client, match, "no")

    assert (match.under_speech, match.speech_checked) == (True, False)
