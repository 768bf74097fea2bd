"""What takedown notices, a package above, add to the pack of a match."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from common.registry import Registry
from review.models import Match

Notice = Mapping[str, str]
"""A notice as ``case.json`` describes it."""

finders: Registry[Callable[[Match], Sequence[Notice]]] = Registry()
"""Functions that return the notices about a match, oldest first."""


def notices_of(match: Match) -> list[Notice]:
    """Return the notices about a match."""
    return [notice for find in finders for notice in find(match)]


def time_text(moment: datetime | None) -> str:
    """Return a moment as packs write it; "" for none."""
    return "" if moment is None else moment.isoformat()
