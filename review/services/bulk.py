"""One decision for many matches, with the cause where one is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    """What is decided: the verb and what it needs; a licence is for clearing."""

    verb: Verb
    reason: str = ""
    note: str = ""
    licence: Licence | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A match that stayed as it was, and why."""

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
    """Carry out one decision, whichever verb it is."""
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
    """Decide many matches; ``expected`` names each by uid with the version seen.

    Raises ``BulkLimit`` before anything is written, and what keeps the decision from
    being made at all (role, reason); everything else is told match by match. The rules
    are those of one match, and what passes them is written together.
    """
    decisions.require_deciding(user)
    limit = bulk_limit(user)
    if len(expected) > limit:
        raise errors.BulkLimit(limit=limit)
    rows = list(transitions.locked_rows().filter(uid__in=expected))
    judge = _judge(rows, user, decision)
    outcome = BulkOutcome()
    moves: list[tuple[Match, Change]] = []
    for match in rows:
        try:
            transitions.refuse_stale(match=match, version=expected[match.uid])
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
    """Return what tells for each locked row what is written, or why nothing is.

    A row whose decision reaches beyond it is decided there and then, and returned.
    Raises what keeps the decision from being made at all.
    """
    verb, note, licence = decision.verb, decision.note, decision.licence
    if verb == Verb.UNDO:
        events = transitions.last_events(rows)

        def undone(match: Match) -> Change | Match:
            event = decisions.undoable(events.get(match.case))
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
    at = transitions.now()
    in_force = LicencesInForce() if licence else None

    def settled(match: Match) -> Change:
        if licence is not None:
            decisions.refuse_foreign_licence(match, licence, in_force=in_force)
        return decisions.settling(match, user, change, at=at)

    return settled
