"""Excluding intervals on the recording's page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Exclusion
from review.choices import MatchState
from tests.factories import deciding
from tests.factories.review import make_match
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

INTERVAL = {"start": "5", "end": "25", "reason": "shared_loop", "note": ""}


def agreed(client: Client, url: str, fields: dict[str, str]) -> None:
    """Send a form, with what its page says of the consequences."""
    seen = client.get(url, fields).context["consequences"]
    client.post(url, fields | {"agreed": seen.mark})


def test_interval_is_previewed_then_excluded_then_removed(manager: Client) -> None:
    match = make_match()
    url = reverse("portal:exclusion_add", args=[match.recording.uid])

    for changes, why in (
        ({"end": "5"}, "after the start"),
        ({"end": "999"}, "shorter than that"),
        ({"reason": "because"}, "valid choice"),
    ):
        assert why in manager.post(url, INTERVAL | changes).content.decode()
    text = manager.get(url, INTERVAL).content.decode()
    assert match.scanned_file.name in text
    assert not Exclusion.objects.exists()

    agreed(manager, url, INTERVAL)
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
    agreed(manager, remove, {"reason": ""})
    segment.refresh_from_db()
    assert segment.removed_at is None
    agreed(manager, remove, {"reason": "it is ours"})
    match.refresh_from_db()
    assert match.state == MatchState.PENDING


def test_confirmed_match_is_suppressed_only_when_ticked(manager: Client) -> None:
    ticked = make_match(state=MatchState.CONFIRMED)
    match = make_match(recording=ticked.recording, state=MatchState.CONFIRMED)
    url = reverse("portal:exclusion_add", args=[ticked.recording.uid])

    agreed(manager, url, {**INTERVAL, "match": ticked.uid})

    ticked.refresh_from_db()
    match.refresh_from_db()
    assert (ticked.state, match.state) == (MatchState.SUPPRESSED, MatchState.CONFIRMED)


def test_a_decision_after_the_preview_is_shown_before_the_exclusion_changes(
    manager: Client, ana: User
) -> None:
    match = make_match()
    add = reverse("portal:exclusion_add", args=[match.recording.uid])
    seen = manager.get(add, INTERVAL).context["consequences"]
    match = deciding.confirm(match=match, user=ana, version=match.version)

    answer = manager.post(add, INTERVAL | {"agreed": seen.mark})

    assert "this is not what you saw" in " ".join(answer.content.decode().split())
    assert not Exclusion.objects.exists()
    manager.post(add, INTERVAL | {"agreed": answer.context["consequences"].mark})
    remove = reverse("portal:exclusion_remove", args=[Exclusion.objects.get().uid])
    manager.post(remove, {"reason": "ours", "agreed": seen.mark})
    assert Exclusion.objects.get().removed_at is None


def test_reviewer_proposes_and_manager_approves(signed_in: MakeClient, manager: Client) -> None:
    match = make_match()
    url = reverse("portal:exclusion_add", args=[match.recording.uid])
    reviewer = signed_in(Role.REVIEWER)

    reviewer.post(url, INTERVAL)

    match.refresh_from_db()
    assert match.state == MatchState.PENDING
    segment = Exclusion.objects.get()
    approve = reverse("portal:exclusion_approve", args=[segment.uid])
    remove = reverse("portal:exclusion_remove", args=[segment.uid])
    for address in (approve, remove):
        assert reviewer.post(address).status_code == 403
    assert signed_in(Role.VIEWER).get(url).status_code == 403

    agreed(manager, approve, {})
    match.refresh_from_db()
    assert match.state == MatchState.SUPPRESSED
    event = Event.objects.get(action="exclusion.added")
    page = manager.get(
        reverse("portal:recording_detail", args=[match.recording.uid])
    ).content.decode()
    assert f"approved by {event.actor_name}" in page
    # A proposal that was answered has no preview.
    answered = manager.get(approve, follow=True).content.decode()
    assert "This interval is already excluded." in answered
