"""What packages above add to the pack of a match."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from base.common.registry import Registry
from review.models import Match

Row = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class PackPart:
    """A list in ``case.json``, at ``key``; ``find`` returns its rows, oldest first.

    A pack is the same for everybody who may see its match: ``find`` returns what all of
    them may see. ``left_out`` are columns of match reports that a pack does not repeat,
    because they depend on the reader or say less than the part. ``template`` draws
    ``rows``, if there are any, in ``case.html``.
    """

    key: str
    find: Callable[[Match], Sequence[Row]]
    left_out: frozenset[str] = frozenset()
    template: str = ""


parts: Registry[PackPart] = Registry()


def parts_of(match: Match) -> dict[str, Sequence[Row]]:
    """Return the rows of each part of a match's pack."""
    return {part.key: part.find(match) for part in parts}


def drawn_parts(rows_of_parts: Mapping[str, Sequence[Row]]) -> list[tuple[str, Sequence[Row]]]:
    """Return template and rows of the parts that ``case.html`` shows."""
    return [
        (part.template, rows_of_parts[part.key])
        for part in parts
        if part.template and rows_of_parts[part.key]
    ]


def columns_left_out() -> set[str]:
    """Return the columns of match reports that parts replace."""
    return {column for part in parts for column in part.left_out}


def time_text(moment: datetime | None) -> str:
    """Return a moment as packs write it; "" for none."""
    return "" if moment is None else moment.isoformat()


def day_text(day: object) -> str:
    """Return a day as packs write it; "" for none."""
    return "" if day is None else str(day)
