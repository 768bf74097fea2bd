"""Stores what a person heard in place of the engine's estimate of speech."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.services import record
from review import match_events
from review.choices import MatchState
from review.models import Match
from review.services import evaluation, grounds, transitions
from review.subjects import Subject


@transaction.atomic
def check_speech(*, match: Match, user: User, heard: bool) -> None:
    """Store whether speech lies over most of the match, and apply rules again.

    The version stays, so that a concurrent decision is not refused as stale.
    """
    transitions.require(
        user, Action.DECIDE, why=_("Your role can view matches but not correct estimates.")
    )
    current = transitions.locked_row(match=match)
    if current.speech_checked and current.under_speech == heard:
        return
    Match.objects.filter(pk=current.pk).update(
        under_speech=heard, speech_checked=True, updated_at=datetime.now(tz=UTC)
    )
    record(
        case=current.case,
        action=match_events.SPEECH,
        actor=user,
        before={"under_speech": current.under_speech, "speech_checked": current.speech_checked},
        after={"under_speech": heard, "speech_checked": True},
    )
    grounds.again(matches=[current], actor=user)
    _renew_reason(current)


def _renew_reason(match: Match) -> None:
    """Replace a reason that the engine's estimate gave a waiting match."""
    match.refresh_from_db()
    if (
        match.state not in (MatchState.PENDING, MatchState.IN_REVIEW)
        or match.queue_reason not in evaluation.OWN_REASONS
    ):
        return
    outcome = evaluation.evaluate(subject=Subject.of(match), is_new=False)
    if outcome.queue_reason in evaluation.OWN_REASONS:
        Match.objects.filter(pk=match.pk).update(queue_reason=outcome.queue_reason)
