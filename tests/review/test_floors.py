"""The matches that a lower floor returns."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from review import errors
from review.choices import MatchState, PolicyAction, QueueReason
from review.models import Match
from review.services import floors
from scanning.choices import FileStatus
from scanning.models import Container, ScannedFile
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_policy

pytestmark = pytest.mark.django_db


def _suppressed(score: str) -> Match:
    match = make_match(score=Decimal(score))
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(status=FileStatus.NO_MATCH)
    return match


def _lower(match: Match, floor: str) -> Container:
    container = match.scanned_file.container
    container.score_floor = Decimal(floor)
    container.save()
    return container


def _floor_in(page: str) -> str:
    """Return the form value that names the floor in the page's preview."""
    match = re.search(r'name="floor_shown" value="([^"]+)"', page)
    assert match is not None
    return match[1]


def test_a_higher_floor_says_what_stays_below_it() -> None:
    match = make_match(score=Decimal("60.0"))
    container = match.scanned_file.container

    preview = floors.preview(container=container, floor=Decimal("70.0"))

    assert (preview.returning, preview.staying) == (0, 1)


def test_what_the_lower_floor_lets_pass_waits_again() -> None:
    match, admin = _suppressed("40.0"), make_user(Role.ADMIN)
    assert (match.state, match.queue_reason) == (MatchState.SUPPRESSED, QueueReason.BELOW_FLOOR)
    # What is still below stays.
    container = _lower(match, "40.1")
    assert floors.preview(container=container, floor=Decimal("40.1")).returning == 0
    assert floors.give_back(container=container, user=admin) == 0
    container = _lower(match, "35.0")
    assert floors.preview(container=container, floor=Decimal("35.0")).returning == 1
    with pytest.raises(errors.NotAllowed):
        floors.give_back(container=container, user=make_user(Role.MANAGER))

    assert floors.give_back(container=container, user=admin) == 1

    match.refresh_from_db()
    events = Event.objects.filter(case=match.case).order_by("sequence")
    assert (match.state, match.queue_reason) == (MatchState.PENDING, QueueReason.LOW_SCORE)
    assert match.scanned_file.status == FileStatus.READY
    assert "unsuppressed" in [event.action for event in events]
    assert events.last().actor == admin  # type: ignore[union-attr]  # there is one
    assert floors.give_back(container=container, user=admin) == 0


def test_a_rule_that_fits_still_suppresses_what_comes_back() -> None:
    match = _suppressed("40.0")
    make_policy(
        sets={"engines": ["embedded"]}, ranges={"score": (None, "45")}, action=PolicyAction.SUPPRESS
    )

    container = _lower(match, "35.0")
    floors.give_back(container=container, user=make_user(Role.ADMIN))

    match.refresh_from_db()
    assert match.state == MatchState.SUPPRESSED


def test_saving_the_container_brings_them_back() -> None:
    match, client = _suppressed("40.0"), Client()
    container = match.scanned_file.container
    client.force_login(make_user(Role.ADMIN))
    page = client.get(reverse("portal:container_edit", args=[container.pk]))
    fields = {
        name: value
        for name, value in page.context["form"].initial.items()
        if value not in (None, "")
    }

    address = reverse("portal:container_edit", args=[container.pk])
    terms = {**fields, "buckets": match.recording.bucket_id, "score_floor": "35"}

    picture = client.post(address, terms)
    match.refresh_from_db()
    container.refresh_from_db()
    assert "1 suppressed match is no longer below it" in picture.content.decode()
    assert match.state == MatchState.SUPPRESSED
    assert container.score_floor == 50

    answer = client.post(
        address, {**terms, "floor_shown": _floor_in(picture.content.decode())}, follow=True
    )
    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    assert "1 match is no longer below the floor" in answer.content.decode()
