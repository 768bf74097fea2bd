"""The decision to exclude an interval of the recording, made from one match."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from catalogue.models import Exclusion
from review import errors
from review.choices import EXCLUDE_PART, WAITING_STATES, MatchState, RejectCode
from review.models import Match
from review.services import decisions, exclusions, spans, transitions
from review.services.transitions import Change


@transaction.atomic
def exclude_part(
    *,
    match: Match,
    user: User,
    version: int,
    span: spans.Span,
    reason: str,
    note: str = "",
    chosen: Collection[str] = (),
) -> Match:
    """Exclude an interval of the match's recording and decide the match with it.

    A manager's exclusion takes effect at once, also for decided matches whose uids are
    in ``chosen``; the match is rejected if nothing else of it is left, and stays in its
    state otherwise. A reviewer's exclusion is a proposal and escalates the match.
    """
    # Start as a proposal; a manager's exclusion is put in force after the decision.
    segment = exclusions.propose(
        recording=match.recording, span=span, reason=reason, user=user, note=note
    )
    if not user.has_perm(Action.EDIT_CATALOGUE):
        change = decision(segment, MatchState.ESCALATED, EXCLUDE_PART)
        return decisions.settle(match=match, user=user, version=version, change=change)
    if exclusions.leaves_nothing(match=match, span=span):
        change = decision(segment, MatchState.REJECTED, EXCLUDE_PART)
        match = decisions.settle(match=match, user=user, version=version, change=change)
    else:
        current = waiting_row(match=match, user=user, version=version)
        change = aside(current, segment, EXCLUDE_PART, segment.note)
        match = transitions.apply(current=current, change=change, actor=user)
    exclusions.put_in_force(segment=segment, user=user, chosen=chosen)
    match.refresh_from_db()
    return match


def decision(segment: Exclusion, to: MatchState, action: str) -> Change:
    """Return the change that decides a match through an exclusion."""
    # Exclusions have reasons that rejections lack.
    code = segment.reason if segment.reason in RejectCode.values else ""
    return Change(
        action,
        to,
        reason=code or RejectCode.SHARED_LOOP,
        note=segment.note or str(segment.get_reason_display()),
        details=details_of(segment),
    )


def details_of(segment: Exclusion) -> dict[str, object]:
    """Return the details of an exclusion for an event of the match."""
    return {"exclusion": segment.uid, "span": [segment.start_ms, segment.end_ms]}


def waiting_row(*, match: Match, user: User, version: int) -> Match:
    """Return a waiting match, locked at the version the user saw."""
    current = transitions.locked_row(match=match, version=version, user=user)
    transitions.refuse_foreign_lock(match=current, user=user)
    if current.state not in WAITING_STATES:
        raise errors.NotPossible(
            f"This match is already {current.get_state_display().lower()}. "
            "Reload to see the decision."
        )
    return current


def aside(current: Match, segment: Exclusion, action: str, note: str) -> Change:
    """Return a change that records an exclusion in the history and decides nothing."""
    held: dict[str, object] = {
        "locked_by": current.locked_by,
        "locked_until": current.locked_until,
    }
    return Change(
        action,
        MatchState(current.state),
        fields=held,
        reason=segment.reason,
        note=note,
        free=True,
        details=details_of(segment),
    )
