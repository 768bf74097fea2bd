"""Excluding intervals on the recording's page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from audit.models import Event
from catalogue.models import Exclusion
from review.choices import MatchState
from review.services import exclusions
from tests.conftest import MakeClient
from tests.factories.accounts import make_user
from tests.factories.review import make_match

pytestmark = pytest.mark.django_db

INTERVAL = {"start": "5", "end": "25", "reason": "shared_loop", "note": ""}


@pytest.fixture
def manager(signed_in: MakeClient) -> Client:
    return signed_in(Role.MANAGER)


def test_interval_is_previewed_then_excluded_then_removed(manager: Client) -> None:
    match = make_match()
    url = reverse("portal:exclusion_add", args=[match.recording.uid])

    shown = manager.get(url, INTERVAL).content.decode()
    assert match.scanned_file.name in shown
    assert not Exclusion.objects.exists()

    manager.post(url, INTERVAL)
    match.refresh_from_db()
    assert match.state == MatchState.SUPPRESSED
    segment = Exclusion.objects.get()
    page = manager.get(
        reverse("portal:recording_detail", args=[match.recording.uid])
    ).content.decode()
    assert 'x="5000" width="20000"' in page

    remove = reverse("portal:exclusion_remove", args=[segment.uid])
    preview = manager.get(remove).content.decode()
    assert match.scanned_file.name in preview
    assert "Waits for a person again" in preview
    manager.post(remove, {"reason": ""})
    segment.refresh_from_db()
    assert segment.removed_at is None
    manager.post(remove, {"reason": "it is ours"})
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_confirmed_match_is_suppressed_only_when_ticked(manager: Client) -> None:
    ticked = make_match(state=MatchState.CONFIRMED)
    left = make_match(recording=ticked.recording, state=MatchState.CONFIRMED)
    url = reverse("portal:exclusion_add", args=[ticked.recording.uid])

    manager.post(url, {**INTERVAL, "match": ticked.uid})

    ticked.refresh_from_db()
    left.refresh_from_db()
    assert (ticked.state, left.state) == (MatchState.SUPPRESSED, MatchState.CONFIRMED)


def test_reviewer_proposes_and_manager_approves(
    signed_in: MakeClient, manager: Client
) -> None:
    match = make_match()
    url = reverse("portal:exclusion_add", args=[match.recording.uid])

    signed_in(Role.REVIEWER).post(url, INTERVAL)

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    segment = Exclusion.objects.get()
    manager.post(reverse("portal:exclusion_approve", args=[segment.uid]))
    match.refresh_from_db()
    assert match.state == MatchState.SUPPRESSED
    event = Event.objects.get(action="exclusion.added")
    page = manager.get(
        reverse("portal:recording_detail", args=[match.recording.uid])
    ).content.decode()
    assert f"approved by {event.actor_name}" in page


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"end": "5"}, "after the start"),
        ({"end": "999"}, "shorter than that"),
        ({"reason": "because"}, "valid choice"),
    ],
)
def test_page_says_what_is_wrong(
    manager: Client, changes: dict[str, str], told: str
) -> None:
    recording = make_match().recording
    url = reverse("portal:exclusion_add", args=[recording.uid])

    answer = manager.post(url, {**INTERVAL, **changes})

    assert told in answer.content.decode()
    assert not Exclusion.objects.exists()


def test_roles(signed_in: MakeClient) -> None:
    match = make_match()
    url = reverse("portal:exclusion_add", args=[match.recording.uid])
    viewer, reviewer = signed_in(Role.VIEWER), signed_in(Role.REVIEWER)
    reviewer.post(url, INTERVAL)
    segment = Exclusion.objects.get()

    assert viewer.get(url).status_code == 403
    for name in ("exclusion_approve", "exclusion_remove"):
        answer = reviewer.post(reverse(f"portal:{name}", args=[segment.uid]))
        assert answer.status_code == 403


def test_a_proposal_that_was_answered_has_no_preview(manager: Client) -> None:
    user = make_user(Role.MANAGER)
    segment = exclusions.exclude(
        recording=make_match().recording, interval=(0, 5_000), reason="ident", user=user
    )

    page = manager.get(
        reverse("portal:exclusion_approve", args=[segment.uid]), follow=True
    )

    assert "This interval is already excluded." in page.content.decode()


def test_admin_lists_exclusions(signed_in: MakeClient) -> None:
    client = signed_in(Role.ADMIN)

    for name in ("changelist", "add"):
        answer = client.get(reverse(f"admin:catalogue_exclusion_{name}"))
        assert answer.status_code == (403 if name == "add" else 200)
