"""Writing events, and checking that the chain of a case is whole."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from audit.models import Event
from common.attribution import acting_through

SYSTEM = "system"


def _digest(event: Event) -> str:
    told = [
        event.case,
        event.sequence,
        event.at.isoformat(),
        event.actor_name,
        event.action,
        event.before,
        event.after,
        event.reason,
        event.note,
        event.previous_hash,
    ]
    if event.via:
        told.append(event.via)
    content = json.dumps(told, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()


@transaction.atomic
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
    token that was used, if any, comes from ``common.attribution``. The
    case's last event is locked, so that two writers cannot take one number.
    """
    last = Event.objects.select_for_update().filter(case=case).first()
    event = Event(
        case=case,
        sequence=last.sequence + 1 if last else 1,
        at=datetime.now(tz=UTC),
        actor=actor if isinstance(actor, User) else None,
        actor_name=actor.get_username() if isinstance(actor, User) else actor,
        via=acting_through(),
        action=action,
        before=before or {},
        after=after or {},
        reason=reason,
        note=note,
        previous_hash=last.hash if last else "",
    )
    event.hash = _digest(event)
    event.save()
    return event


def first_broken_event(*, case: str) -> Event | None:
    """Return the first event whose number, link or hash does not fit, if any."""
    previous = ""
    for number, event in enumerate(
        Event.objects.filter(case=case).order_by("sequence"), start=1
    ):
        fits = (
            event.sequence == number
            and event.previous_hash == previous
            and event.hash == _digest(event)
        )
        if not fits:
            return event
        previous = event.hash
    return None


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
