"""Writing events, checking that the chain of a case is whole, and handing it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import models, transaction

from accounts.models import User
from audit.chains import (
    ERASED_PREFIX,
    Fault,
    anchor_line,
    as_json_line,
    first_fault,
    hash_of,
    line_of,
    new_salt,
    seal,
)
from audit.models import Anchor, Event
from common.attribution import acting_through

SYSTEM = "system"
# How the cases of accounts begin.
ACCOUNT_CASES = ("user:", "group:", "token:", "sign-in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be told of one case; ``record`` says what else an event holds."""

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
    """Append an event to a case; call it in the transaction of what it tells.

    ``actor`` is a person, or the name of what acted ("policy:…", "system"); the API
    token that was used, if any, comes from ``common.attribution``.
    """
    entry = Entry(
        case=case,
        action=action,
        before=before or {},
        after=after or {},
        reason=reason,
        note=note,
    )
    return record_all([entry], actor=actor)[0]


@transaction.atomic
def record_all(entries: Sequence[Entry], *, actor: User | str = SYSTEM) -> list[Event]:
    """Append an event to each of many cases, each named once, with two queries.

    The last event of each case is locked, so that two writers cannot take one number.
    """
    newest = (
        Event.objects.filter(case=models.OuterRef("case"))
        .order_by("-sequence")
        .values("sequence")[:1]
    )
    last = {
        event.case: event
        for event in Event.objects.select_for_update()
        .filter(
            case__in=[entry.case for entry in entries],
            sequence=models.Subquery(newest),
        )
        .order_by("case")
    }
    events = [_event(entry, last.get(entry.case), actor) for entry in entries]
    return Event.objects.bulk_create(events)


def _event(entry: Entry, last: Event | None, actor: User | str) -> Event:
    """Return the event that follows the last one of its case."""
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


def first_broken_event(*, case: str) -> Fault | None:
    """Return where the chain of a case does not hold, if anywhere."""
    return first_fault(line_of(event) for event in _in_order(case))


def export_case(*, case: str) -> Iterator[str]:
    """Return the events of a case, oldest first, as lines of a JSON Lines file."""
    return (as_json_line(line_of(event)) for event in _in_order(case))


def export_anchors(*, case: str) -> Iterator[str]:
    """Return the anchors of the days on which a case grew, as JSON Lines.

    A day that is not over has none yet.
    """
    days = {event.at.date() for event in _in_order(case)}
    anchors = Anchor.objects.filter(day__in=days).order_by("day")
    return (as_json_line(anchor_line(anchor)) for anchor in anchors)


def erase_actor(*, actor: User, pseudonym: str) -> int:
    """Put a pseudonym in the place of a person's name; return in how many events.

    The chains stay whole: they hold the seal of the name, not the name.
    """
    if not pseudonym.startswith(ERASED_PREFIX):
        raise ValueError(f"A pseudonym begins with {ERASED_PREFIX!r}.")
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
    """Keep what the accounts package tells of users and tokens."""
    record(case=case, action=action, actor=actor, after=after)
