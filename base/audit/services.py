"""Writes, checks and exports events, and erases names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models, transaction
from django.dispatch import Signal

from base.accounts.models import User
from base.audit.chains import (
    ERASED_PREFIX,
    ChainFault,
    anchor_line,
    as_json_line,
    first_fault,
    hash_of,
    line_of,
    new_salt,
    seal,
)
from base.audit.models import Anchor, Event
from base.common.attribution import acting_through

# Sent with ``events`` in the transaction that records them.
events_recorded = Signal()
_handlers: ContextVar[tuple[Callable[[Sequence[Event]], None], ...]] = ContextVar(
    "handlers of events", default=()
)

SYSTEM = "system"
# The prefixes of cases that concern accounts.
ACCOUNT_CASES = ("user:", "group:", "token:", "sign-in")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """The content of a new event; see ``record``."""

    case: str
    action: str
    before: dict[str, Any] = field(default_factory=dict)  # Any: as in ``record``
    after: dict[str, Any] = field(default_factory=dict)  # Any: as above
    reason: str = ""
    note: str = ""


def record(
    *,
    case: str,
    action: str,
    actor: User | str = SYSTEM,
    before: dict[str, Any] | None = None,  # Any: whatever JSON the case holds
    after: dict[str, Any] | None = None,  # Any: as above
    reason: str = "",
    note: str = "",
) -> Event:
    """Append an event to a case; call it in the transaction of the change it records.

    ``actor`` is a user, or the name of an automatic actor ("policy:…", "system").
    ``base.common.attribution`` supplies the API token, if one was used.
    """
    entry = EventDraft(
        case=case, action=action, before=before or {}, after=after or {}, reason=reason, note=note
    )
    return record_all([entry], actor=actor)[0]


def columns_of(row: models.Model, names: Iterable[str]) -> dict[str, Any]:  # Any: JSON
    """Return columns as an event keeps them: rows by their keys, others as text."""
    values: dict[str, Any] = {}
    for name in names:
        column = row._meta.get_field(name)
        if isinstance(column, models.ManyToManyField):
            values[name] = sorted(getattr(row, name).values_list("pk", flat=True))
            continue
        value = getattr(row, getattr(column, "attname", name))
        is_json = isinstance(value, str | int | float | list | dict | None)
        values[name] = value if is_json else str(value)
    return values


@transaction.atomic
def record_all(entries: Sequence[EventDraft], *, actor: User | str = SYSTEM) -> list[Event]:
    """Append one event to each of many distinct cases, with few queries.

    It locks the last event of each case, so concurrent writers cannot take the same
    number.
    """
    last = _locked_last([entry.case for entry in entries])
    events = [_event(entry, last.get(entry.case), actor) for entry in entries]
    recorded = Event.objects.bulk_create(events)
    events_recorded.send(sender=Event, events=recorded)
    for handle in _handlers.get():
        handle(recorded)
    return recorded


def _locked_last(cases: Sequence[str]) -> dict[str, Event]:
    """Return the last event of each case, locked."""
    rows = Event.objects.filter(case__in=cases)
    newest = (
        Event.objects.filter(case=models.OuterRef("case"))
        .order_by("-sequence")
        .values("sequence")[:1]
    )
    while True:
        last = {
            event.case: event
            # In order of cases, so that two writers cannot deadlock.
            for event in rows.select_for_update()
            .filter(sequence=models.Subquery(newest))
            .order_by("case")
        }
        # Whoever waited for a lock gets the event that was the last one before; the
        # writer that held the lock has appended another.
        if not connection.features.has_select_for_update or {
            case: event.sequence for case, event in last.items()
        } == dict(
            rows.order_by("case")
            .values("case")
            .annotate(newest=models.Max("sequence"))
            .values_list("case", "newest")
        ):
            return last


@contextmanager
def handled_events(handle: Callable[[Sequence[Event]], None]) -> Iterator[None]:
    """Pass the events that the block records to ``handle``, in their transaction.

    Other threads record events at the same time, which are not passed.
    """
    token = _handlers.set((*_handlers.get(), handle))
    try:
        yield
    finally:
        _handlers.reset(token)


def _event(entry: EventDraft, last: Event | None, actor: User | str) -> Event:
    """Return the next event of the case, chained to its last one."""
    name = actor.get_username() if isinstance(actor, User) else actor
    salt = new_salt()
    event = Event(
        case=entry.case,
        sequence=last.sequence + 1 if last else 1,
        at=datetime.now(tz=UTC),
        actor=actor if isinstance(actor, User) else None,
        actor_name=name,
        actor_salt=salt,
        actor_digest=seal(salt, name),
        # The name of the token survives its deletion.
        via=acting_through(),
        action=entry.action,
        before=entry.before,
        after=entry.after,
        reason=entry.reason,
        note=entry.note,
        previous_hash=last.hash if last else "",
    )
    event.hash = hash_of(line_of(event))
    return event


def first_broken_event(*, case: str) -> ChainFault | None:
    """Return the first break in the chain of a case, if any."""
    return first_fault(line_of(event) for event in _in_order(case))


def export_case(*, case: str) -> Iterator[str]:
    """Yield the events of a case, oldest first, as JSON Lines."""
    return (as_json_line(line_of(event)) for event in _in_order(case))


def export_anchors(*, case: str) -> Iterator[str]:
    """Yield the anchors of the days on which a case grew, as JSON Lines.

    The current day has no anchor yet.
    """
    days = {event.at.date() for event in _in_order(case)}
    anchors = Anchor.objects.filter(day__in=days).order_by("day")
    return (as_json_line(anchor_line(anchor)) for anchor in anchors)


def erase_actor(*, actor: User, pseudonym: str) -> int:
    """Replace a person's name by a pseudonym; return the number of events changed.

    The chains stay valid, because they hold the seal of the name, not the name.
    """
    if not pseudonym.startswith(ERASED_PREFIX):
        raise ValueError(f"A pseudonym must begin with {ERASED_PREFIX!r}.")
    # A plain queryset: that of ``Event.objects`` refuses every update.
    rows: models.QuerySet[Event] = models.QuerySet(Event).filter(actor=actor)
    return rows.update(actor_name=pseudonym, actor_salt="")


def _in_order(case: str) -> models.QuerySet[Event]:
    return Event.objects.filter(case=case).order_by("sequence")


def record_account_change(
    *,
    case: str,
    action: str,
    actor: User | str,
    after: dict[str, Any],  # Any: JSON
    **_signal: object,
) -> None:
    """Record an ``account_changed`` signal."""
    record(case=case, action=action, actor=actor, after=after)
