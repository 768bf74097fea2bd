"""Makes and checks the daily anchors."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta

from django.db import IntegrityError

from base.audit.chains import ChainFault, anchor_hash
from base.audit.models import Anchor, Event
from base.common.databases import one_at_a_time, violates

# A transaction that began on a day may commit its events after midnight. The anchor
# waits for it.
_GRACE = timedelta(hours=1)


def make_due_anchors() -> list[Anchor]:
    """Make an anchor for each past day that has events but no anchor yet."""
    made = []
    while (day := _next_day()) is not None:
        try:
            # Two workers must not chain to the same anchor. A lock of its row would
            # need the right to change it.
            with one_at_a_time("anchors"):
                last = Anchor.objects.order_by("-day").first()
                chains, events, digest = _sum_of(day)
                anchor = Anchor(
                    day=day,
                    at=datetime.now(tz=UTC),
                    chains=chains,
                    events=events,
                    digest=digest,
                    previous_hash=last.hash if last else "",
                )
                anchor.hash = anchor_hash(anchor)
                # Without this, Django would try an update, which a trigger refuses, and the
                # conflict with another worker would not show as one.
                anchor.save(force_insert=True)
                made.append(anchor)
        except IntegrityError as error:
            # Another worker made it first.
            if not violates(error, Anchor, "day"):
                raise
            break
    return made


def first_false_anchor() -> ChainFault | None:
    """Return the first anchor that does not fit its events or its predecessor."""
    previous = ""
    for anchor in Anchor.objects.order_by("day").iterator():
        chains, events, digest = _sum_of(anchor.day)
        if anchor.hash != anchor_hash(anchor) or anchor.previous_hash != previous:
            return ChainFault("anchor", anchor.pk, f"the anchor of {anchor.day} was changed")
        if (chains, events, digest) != (anchor.chains, anchor.events, anchor.digest):
            return ChainFault(
                "anchor",
                anchor.pk,
                f"the events of {anchor.day} differ from the anchored ones: "
                f"{events} in {chains} chains instead of {anchor.events} in "
                f"{anchor.chains}",
            )
        previous = anchor.hash
    return None


def _next_day() -> date | None:
    last = Anchor.objects.order_by("-day").first()
    events = Event.objects.order_by("at")
    if last is not None:
        events = events.filter(at__gte=_start(last.day + timedelta(days=1)))
    first = events.values_list("at", flat=True).first()
    if first is None or datetime.now(tz=UTC) < _start(first.date() + timedelta(days=1)) + _GRACE:
        return None
    return first.date()


def _sum_of(day: date) -> tuple[int, int, str]:
    """Return the number of chains that grew, of events, and the hash of the heads.

    It streams the rows, so a day with many events needs no memory.
    """
    rows = Event.objects.filter(
        at__gte=_start(day), at__lt=_start(day + timedelta(days=1))
    ).order_by("case", "sequence")
    summed, chains, events = hashlib.sha256(), 0, 0
    head: tuple[str, int, str] | None = None
    for row in rows.values_list("case", "sequence", "hash").iterator():
        events += 1
        if head is not None and head[0] != row[0]:
            summed.update(_head_line(head))
        if head is None or head[0] != row[0]:
            chains += 1
        head = row
    if head is not None:
        summed.update(_head_line(head))
    return chains, events, summed.hexdigest()


def _head_line(head: tuple[str, int, str]) -> bytes:
    case, sequence, event_hash = head
    return f"{case}\t{sequence}\t{event_hash}\n".encode()


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
