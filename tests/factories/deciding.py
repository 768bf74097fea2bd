"""One function per verb, so that tests read as what a person does.

A decision is about the stored version, unless the test says which one somebody saw.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from base.accounts.models import User
from review.choices import Verb
from review.decisions.decide import Decided, decide, decide_one
from review.decisions.verbs import Decision
from review.models import Licence, Match


def confirm(*, match: Match, user: User, version: int | None = None, note: str = "") -> Match:
    """Confirm that the match is ours."""
    return _decide(match, version, user, Decision(Verb.CONFIRM, note=note))


def clear(
    *,
    match: Match,
    user: User,
    version: int | None = None,
    reason: str = "",
    licence: Licence | None = None,
) -> Match:
    """Clear the use."""
    decision = Decision(Verb.CLEAR, note=reason, licence=licence)
    return _decide(match, version, user, decision)


def reject(
    *, match: Match, user: User, version: int | None = None, reason: str, note: str = ""
) -> Match:
    """Reject the match; ``reason`` is a code."""
    return _decide(match, version, user, Decision(Verb.REJECT, code=reason, note=note))


def escalate(*, match: Match, user: User, version: int | None = None, note: str) -> Match:
    """Ask a manager."""
    return _decide(match, version, user, Decision(Verb.ESCALATE, note=note))


def reopen(*, match: Match, user: User, version: int | None = None, reason: str) -> Match:
    """Put the match back into the queue."""
    return _decide(match, version, user, Decision(Verb.REOPEN, note=reason))


def undo(*, match: Match, user: User, version: int | None = None) -> Match:
    """Undo the last decision."""
    return _decide(match, version, user, Decision(Verb.UNDO))


def exclude_part(
    *,
    match: Match,
    user: User,
    version: int | None = None,
    interval: tuple[int, int],
    reason: str,
    note: str = "",
    chosen: Collection[str] = (),
) -> Match:
    """Exclude an interval of the recording."""
    decision = Decision(Verb.EXCLUDE, code=reason, note=note, interval=interval, also=chosen)
    return _decide(match, version, user, decision)


def record(
    *,
    match: Match,
    user: User,
    version: int | None = None,
    code: str,
    statement: str = "",
    received_at: datetime | None = None,
) -> Match:
    """Record a dispute."""
    decision = Decision(Verb.DISPUTE, code=code, note=statement, received_at=received_at)
    return _decide(match, version, user, decision)


def uphold(*, match: Match, user: User, version: int | None = None, answer: str) -> Match:
    """Uphold the claim."""
    return _decide(match, version, user, Decision(Verb.UPHOLD, note=answer))


def withdraw(*, match: Match, user: User, version: int | None = None, answer: str) -> Match:
    """Record that the other side withdrew the dispute."""
    return _decide(match, version, user, Decision(Verb.WITHDRAW, note=answer))


def release(*, match: Match, user: User, version: int | None = None, answer: str) -> Match:
    """Give the claim up."""
    return _decide(match, version, user, Decision(Verb.RELEASE, note=answer))


def bulk_decide(*, expected: Mapping[str, int], user: User, decision: Decision) -> Decided:
    """Decide many matches."""
    return decide(versions=expected, decision=decision, user=user)


def _decide(match: Match, version: int | None, user: User, decision: Decision) -> Match:
    if version is None:
        version = Match.objects.values_list("version", flat=True).get(pk=match.pk)
    return decide_one(match=match, version=version, decision=decision, user=user)
