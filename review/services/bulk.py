"""Applies one decision to many matches and reports each refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from review import errors
from review.choices import Verb
from review.coverage import LicencesInForce
from review.models import Licence, Match
from review.services import decisions, transitions
from review.services.transitions import Change

REVIEWER_LIMIT = 50
MANAGER_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Decision:
    """A verb with its reason, note and, for clearing, licence."""

    verb: Verb
    reason: str = ""
    note: str = ""
    licence: Licence | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A match that stayed unchanged, and why."""

    match: Match
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """The matches that changed and those that did not."""

    done: list[Match] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def bulk_limit(user: User) -> int:
    """Return how many matches the user may decide at once."""
    return MANAGER_LIMIT if user.has_perm(Action.APPROVE) else REVIEWER_LIMIT


def decide(*, match: Match, user: User, version: int, decision: Decision) -> Match:
    """Make one decision on one match."""
    if decision.verb == Verb.CONFIRM:
        return decisions.confirm(
            match=match, user=user, version=version, note=decision.note
        )
    if decision.verb == Verb.CLEAR:
        return decisions.clear(
            match=match,
            user=user,
            version=version,
            reason=decision.note,
            licence=decision.licence,
        )
    if decision.verb == Verb.REJECT:
        return decisions.reject(
            match=match,
            user=user,
            version=version,
            reason=decision.reason,
            note=decision.note,
        )
    if decision.verb == Verb.ESCALATE:
        return decisions.escalate(
            match=match, user=user, version=version, note=decision.note
        )
    if decision.verb == Verb.REOPEN:
        return decisions.reopen(
            match=match, user=user, version=version, reason=decision.note
        )
    return decisions.undo(match=match, user=user, version=version)


@transaction.atomic
def bulk_decide(
    *, expected: Mapping[str, int], user: User, decision: Decision
) -> BulkOutcome:
    """Decide many matches; ``expected`` maps their uids to the versions seen.

    Raise ``BulkLimit``, or the error that refuses the decision as such (role, reason),
    before writing anything; other refusals are reported per match. Each match follows
    the rules of a single decision, but all are written together.
    """
    decisions.require_deciding(user)
    limit = bulk_limit(user)
    if len(expected) > limit:
        raise errors.BulkLimit(limit=limit)
    # Locked in key order, so that two bulk decisions cannot deadlock.
    rows = list(transitions.locked_rows().filter(uid__in=expected))
    judge = _judge(rows, user, decision)
    outcome = BulkOutcome()
    moves: list[tuple[Match, Change]] = []
    for match in rows:
        try:
            transitions.refuse_stale(
                match=match, version=expected[match.uid], user=user
            )
            judged = judge(match)
        except errors.ReviewError as refused:
            outcome.refused.append(Refusal(match, refused.code, refused.message))
        else:
            if isinstance(judged, Match):
                outcome.done.append(judged)
            else:
                moves.append((match, judged))
    if moves:
        outcome.done.extend(transitions.apply_all(moves, actor=user))
    outcome.done.sort(key=attrgetter("pk"))
    return outcome


def _judge(
    rows: Sequence[Match], user: User, decision: Decision
) -> Callable[[Match], Change | Match]:
    """Return a function that gives the change for a locked row, or raises.

    An undo that affects more than the match is carried out at once; the function then
    returns the match instead. Raise if the decision as such is refused.
    """
    verb, note, licence = decision.verb, decision.note, decision.licence
    if verb == Verb.UNDO:
        events = transitions.last_events(rows)

        def undone(match: Match) -> Change | Match:
            transitions.refuse_foreign_lock(match=match, user=user)
            event = decisions.undoable(events.get(match.case))
            # Disputes and exclusions have rows of their own, so undo them one by one.
            if decisions.undo_reaches_further(match, event):
                return decisions.undo(match=match, user=user, version=match.version)
            return decisions.undoing(event, user)

        return undone
    if verb == Verb.REOPEN:
        decisions.require_reopening(user, note)
        return lambda match: decisions.reopening(match, user, note)
    if verb == Verb.CONFIRM:
        change = decisions.confirmation(note)
    elif verb == Verb.CLEAR:
        change = decisions.clearing(note, licence)
    elif verb == Verb.REJECT:
        change = decisions.rejection(decision.reason, note)
    else:
        change = decisions.escalation(note)
    decisions.check_note(change.note)
    at = datetime.now(tz=UTC)
    # Read the licences once for the whole batch.
    in_force = LicencesInForce() if licence else None

    def settled(match: Match) -> Change:
        if licence is not None:
            decisions.refuse_foreign_licence(match, licence, in_force=in_force)
        return decisions.settling(match, user, change, at=at)

    return settled
