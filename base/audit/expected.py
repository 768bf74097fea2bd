"""Rows that must have events: a trail that lacks theirs was emptied, however whole it is.

Packages register their rows here in ``AppConfig.ready``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from base.audit.chains import ChainFault
from base.audit.models import Event
from base.common.registry import Registry

_AT_ONCE = 500

# Any in this module: rows of the model that a package registers.
Row = Any


@dataclass(frozen=True, slots=True)
class Expectation:
    """Rows of which each was made by something that records an event of its case."""

    noun: str
    rows: Callable[[], QuerySet[Row]]
    case: Callable[[Row], str] = lambda row: str(row.case)


expectations: Registry[Expectation] = Registry()


def missing_events() -> Iterator[ChainFault]:
    """Yield a fault for each row that must have an event and has none."""
    for expected in expectations:
        rows = expected.rows().order_by("pk").iterator(chunk_size=_AT_ONCE)
        while batch := list(islice(rows, _AT_ONCE)):
            cases = [expected.case(row) for row in batch]
            events = Event.objects.filter(case__in=cases).order_by()
            recorded = set(events.values_list("case", flat=True).distinct())
            for case in cases:
                if case not in recorded:
                    yield ChainFault(case, 0, f"{expected.noun} without any event")
