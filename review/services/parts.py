"""The decision "exclude part": a stretch of the reference, from within a match in it."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from catalogue.models import ExcludedSegment
from review import errors
from review.choices import WAITING_STATES, MatchState, RejectCode
from review.models import Match
from review.services import decisions, exclusions, spans, transitions
from review.services.decisions import EXCLUDE_PART
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
    """Exclude a stretch of the match's recording, and decide the match by that.

    A manager's stretch counts no longer at once, with the decided matches that
    ``chosen`` names by uid; the match is rejected when nothing else of it is left, and
    otherwise stays where it is. A reviewer's is a proposal: the match is escalated.
    """
    segment = exclusions.propose(
        recording=match.recording, span=span, reason=reason, user=user, note=note
    )
    if not user.has_perm(Action.EDIT_CATALOGUE):
        change = _change(segment, MatchState.ESCALATED)
        return decisions.settle(match=match, user=user, version=version, change=change)
    if exclusions.leaves_nothing(match=match, span=span):
        change = _change(segment, MatchState.REJECTED)
        match = decisions.settle(match=match, user=user, version=version, change=change)
    else:
        match = _keep(match, user, version, segment)
    exclusions.approve(segment=segment, user=user, chosen=chosen)
    match.refresh_from_db()
    return match


def _change(segment: ExcludedSegment, to: MatchState) -> Change:
    code = segment.reason if segment.reason in RejectCode.values else ""
    return Change(
        EXCLUDE_PART,
        to,
        reason=code or RejectCode.SHARED_LOOP,
        note=segment.note or str(segment.get_reason_display()),
        told=_told(segment),
    )


def _told(segment: ExcludedSegment) -> dict[str, object]:
    return {"exclusion": segment.uid, "span": [segment.start_ms, segment.end_ms]}


def _keep(match: Match, user: User, version: int, segment: ExcludedSegment) -> Match:
    """Tell in the match's history what was excluded; it is not decided by that."""
    current = transitions.locked_row(match=match, version=version)
    transitions.refuse_foreign_lock(match=current, user=user)
    if current.state not in WAITING_STATES:
        raise errors.NotPossible(
            f"This match is {current.get_state_display().lower()} already."
        )
    held: dict[str, object] = {
        "locked_by": current.locked_by,
        "locked_until": current.locked_until,
    }
    change = Change(
        EXCLUDE_PART,
        MatchState(current.state),
        fields=held,
        reason=segment.reason,
        note=segment.note,
        free=True,
        told=_told(segment),
    )
    return transitions.apply(current=current, change=change, actor=user)
