"""The one way in which a person's decision changes matches.

Locks the rows, checks what the change depends on, writes it as a compare-and-set and
appends the events: all in one transaction, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import User
from accounts.roles import Action
from audit.models import Event
from audit.services import SYSTEM, Entry, record_all
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
# What decisions look at beside the match itself.
_RELATED = ("locked_by", "assignee", "recording", "scanned_file", "scan")


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
    return last_events([match]).get(match.case)


def last_events(matches: Iterable[Match]) -> dict[str, Event]:
    """Return the newest event that changed each of the matches, by its case."""
    changing = Event.objects.exclude(action__in=_ASIDES)
    newest = changing.filter(case=OuterRef("case")).order_by("-sequence")
    events = Event.objects.filter(
        case__in=[match.case for match in matches],
        sequence=Subquery(newest.values("sequence")[:1]),
    )
    return {event.case: event for event in events}


def locked_row(*, match: Match, version: int | None = None) -> Match:
    """Return the match as it is now, locked.

    Raises ``StaleMatch`` if a version is named and the match has moved on from it.
    """
    current = locked_rows().get(pk=match.pk)
    if version is not None:
        refuse_stale(match=current, version=version)
    return current


def locked_rows() -> QuerySet[Match]:
    """Return the matches as they are now; whichever are read are locked, by key."""
    return (
        Match.objects.select_for_update(of=("self",))
        .select_related(*_RELATED)
        .order_by("pk")
    )


def refuse_stale(*, match: Match, version: int) -> None:
    """Raise ``StaleMatch`` if the match has moved on from the version."""
    if match.version != version:
        raise stale(match)


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


def apply(*, current: Match, change: Change, actor: User | str) -> Match:
    """Write the change to a row that ``locked_row`` returned, with its event."""
    return apply_all([(current, change)], actor=actor)[0]


@transaction.atomic
def apply_all(
    moves: Sequence[tuple[Match, Change]], *, actor: User | str
) -> list[Match]:
    """Write a change to each of the locked rows, with its event: all, or none.

    What changes alike is written with one compare-and-set.
    """
    alike: dict[object, list[tuple[Match, Change]]] = {}
    for current, change in moves:
        _refuse_impossible(MatchState(current.state), change)
        told = tuple(sorted(change.fields.items(), key=itemgetter(0)))
        key = (current.state, current.version, change.to, told)
        alike.setdefault(key, []).append((current, change))
    for group in alike.values():
        _write([current for current, _change in group], group[0][1])
    keys = [current.pk for current, _change in moves]
    written = Match.objects.select_related(*_RELATED).in_bulk(keys)
    entries = [
        Entry(
            case=current.case,
            action=change.action,
            before={**snapshots.take(current)},
            after={**snapshots.take(written[current.pk]), **change.told},
            reason=change.reason,
            note=change.note,
        )
        for current, change in moves
    ]
    record_all(entries, actor=actor)
    return [written[key] for key in keys]


def _refuse_impossible(state: MatchState, change: Change) -> None:
    """Raise ``NotPossible`` unless the table of moves has the change."""
    if not change.free and change.to not in TRANSITIONS[state]:
        raise errors.NotPossible(
            f"A match that is {state.label.lower()} cannot become "
            f"{change.to.label.lower()}."
        )


def _write(rows: Sequence[Match], change: Change) -> None:
    """Make one change to rows of one state and version."""
    first = rows[0]
    fields = {"locked_by": None, "locked_until": None, **change.fields}
    written = Match.objects.filter(
        pk__in=[row.pk for row in rows], state=first.state, version=first.version
    ).update(state=change.to, version=first.version + 1, updated_at=now(), **fields)
    if written != len(rows):
        raise stale(first)
