"""One decision for many matches: each on its own, with the cause where refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.models import User
from accounts.roles import Action
from review import errors
from review.choices import Verb
from review.models import Licence, Match
from review.services import decisions, transitions

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


def bulk_decide(
    *, expected: Mapping[str, int], user: User, decision: Decision
) -> BulkOutcome:
    """Decide many matches; ``expected`` names each by uid with the version seen.

    Raises ``BulkLimit`` before anything is written, and what keeps the decision from
    being made at all (role, reason); everything else is told match by match.
    """
    transitions.require(
        user, Action.DECIDE, why="Your role may look at matches, not decide them."
    )
    limit = bulk_limit(user)
    if len(expected) > limit:
        raise errors.BulkLimit(limit=limit)
    outcome = BulkOutcome()
    matches = Match.objects.filter(uid__in=expected).select_related(
        "recording", "scanned_file", "scan"
    )
    for match in matches.order_by("pk"):
        try:
            changed = decide(
                match=match,
                user=user,
                version=expected[match.uid],
                decision=decision,
            )
        except (errors.ReasonMissing, errors.NoteTooLong):
            raise
        except errors.ReviewError as refused:
            outcome.refused.append(Refusal(match, refused.code, refused.message))
        else:
            outcome.done.append(changed)
    return outcome
