"""The decision to exclude an interval of the recording, made from one match."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.phrases import for_the_record
from catalogue.models import Exclusion
from review import errors
from review.choices import MatchState, RejectCode, Verb
from review.decisions import verbs
from review.decisions.verbs import Decision
from review.models import Match
from review.services import exclusions, transitions
from review.services.transitions import Change


def exclude_part(current: Match, decision: Decision, user: User) -> Match:
    """Exclude an interval of a locked match's recording and decide the match with it.

    A manager's exclusion takes effect at once, also for the decided matches in
    ``decision.also``; the match is rejected if nothing else of it is left, and stays in
    its state otherwise. A reviewer's exclusion is a proposal and escalates the match.
    """
    if decision.interval is None:
        raise errors.NotPossible(_("Choose the interval to exclude."))
    exclusions.refuse_merged(current)
    # Start as a proposal; a manager's exclusion is put in force after the decision.
    segment = exclusions.propose(
        recording=current.recording,
        interval=decision.interval,
        reason=decision.code,
        user=user,
        note=decision.note,
    )
    at = datetime.now(tz=UTC)
    manages = user.has_perm(Action.EDIT_CATALOGUE)
    if not manages:
        change = decided(segment, MatchState.ESCALATED, Verb.EXCLUDE)
        change = verbs.completed(current, user, change, at=at)
    elif exclusions.leaves_nothing(match=current, interval=decision.interval):
        change = decided(segment, MatchState.REJECTED, Verb.EXCLUDE)
        change = verbs.completed(current, user, change, at=at)
    else:
        refuse_decided(current, user)
        change = aside(current, segment, Verb.EXCLUDE, segment.note)
    match = transitions.apply(current=current, change=change, actor=user)
    if manages:
        exclusions.put_in_force(segment=segment, user=user, chosen=decision.also)
        match.refresh_from_db()
    return match


def decided(segment: Exclusion, to: MatchState, action: str) -> Change:
    """Return the change that decides a match through an exclusion."""
    # Exclusions have reasons that rejections lack; the note says those.
    is_same = segment.reason in RejectCode.values
    with for_the_record():
        why = "" if is_same else str(segment.get_reason_display())
    return Change(
        action,
        to,
        reason=segment.reason if is_same else RejectCode.SHARED_LOOP,
        note=segment.note or why,
        details=details_of(segment),
    )


def details_of(segment: Exclusion) -> dict[str, object]:
    """Return the details of an exclusion for an event of the match."""
    return {"exclusion": segment.uid, "span": [segment.start_ms, segment.end_ms]}


def refuse_decided(current: Match, user: User) -> None:
    """Raise if the match is decided or another person holds it."""
    transitions.refuse_foreign_lock(match=current, user=user)
    verbs.refuse_state(current, Verb.EXCLUDE)


def aside(current: Match, segment: Exclusion, action: str, note: str) -> Change:
    """Return a change that records an exclusion in the history and decides nothing."""
    held: dict[str, object] = {"locked_by": current.locked_by, "locked_until": current.locked_until}
    return Change(
        action,
        MatchState(current.state),
        fields=held,
        reason=segment.reason,
        note=note,
        free=True,
        details=details_of(segment),
    )
