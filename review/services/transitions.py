"""The one way in which a person's decision changes a match.

Locks the row, checks what the change depends on, writes it as a compare-and-set and
appends the event: all in one transaction, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from audit.models import Event
from audit.services import SYSTEM, record
from review import errors
from review.choices import TRANSITIONS, MatchState
from review.models import Match
from review.services import snapshots

NOTE = "note"
ASSIGN = "assign"
COUNTED = "counted"
# These events leave the version of the match as it is.
_UNCHANGING = (NOTE, ASSIGN)
# These tell of a match without changing what is decided about it.
_ASIDES = (*_UNCHANGING, COUNTED)


@dataclass(frozen=True, slots=True)
class Change:
    """A change that somebody asks for: the event's name, the end, other columns.

    ``free`` marks the way back of an undo, which is not in the table of moves;
    ``told`` is what else the event keeps.
    """

    action: str
    to: MatchState
    fields: dict[str, object] = field(default_factory=dict)
    reason: str = ""
    note: str = ""
    free: bool = False
    told: dict[str, object] = field(default_factory=dict)


def now() -> datetime:
    """Return the present moment, aware."""
    return datetime.now(tz=UTC)


def require(user: User, action: Action, *, why: str) -> None:
    """Raise ``NotAllowed`` unless the user's role covers the action."""
    if not user.has_perm(action):
        raise errors.NotAllowed(why)


def last_event(match: Match) -> Event | None:
    """Return the newest event that changed the match; a note changes nothing."""
    events = Event.objects.filter(case=match.case).exclude(action__in=_ASIDES)
    return events.order_by("-sequence").first()


def locked_row(*, match: Match, version: int | None = None) -> Match:
    """Return the match as it is now, locked.

    Raises ``StaleMatch`` if a version is named and the match has moved on from it.
    """
    current = (
        Match.objects.select_for_update(of=("self",))
        .select_related("locked_by", "recording", "scanned_file")
        .get(pk=match.pk)
    )
    if version is not None and current.version != version:
        raise stale(current)
    return current


def stale(match: Match) -> errors.StaleMatch:
    """Return the error that names who changed the match last."""
    changes = Event.objects.filter(case=match.case).exclude(action__in=_UNCHANGING)
    event = changes.order_by("-sequence").first()
    if event is None:
        return errors.StaleMatch(user=SYSTEM, at=match.updated_at)
    return errors.StaleMatch(user=event.actor_name, at=event.at)


def refuse_foreign_lock(*, match: Match, user: User) -> None:
    """Raise ``MatchLocked`` while another person holds the match."""
    holder, until = match.locked_by, match.locked_until
    if holder is None or until is None or holder == user or until <= now():
        return
    raise errors.MatchLocked(user=holder.get_username(), until=until)


@transaction.atomic
def apply(*, current: Match, change: Change, actor: User | str) -> Match:
    """Write the change to a row that ``locked_row`` returned, with its event."""
    state = MatchState(current.state)
    if not change.free and change.to not in TRANSITIONS[state]:
        raise errors.NotPossible(
            f"A match that is {state.label.lower()} cannot become "
            f"{change.to.label.lower()}."
        )
    before = snapshots.take(current)
    fields = {"locked_by": None, "locked_until": None, **change.fields}
    written = Match.objects.filter(
        pk=current.pk, state=state, version=current.version
    ).update(state=change.to, version=current.version + 1, updated_at=now(), **fields)
    if not written:
        raise stale(current)
    current.refresh_from_db()
    record(
        case=current.case,
        action=change.action,
        actor=actor,
        before={**before},
        after={**snapshots.take(current), **change.told},
        reason=change.reason,
        note=change.note,
    )
    return current
