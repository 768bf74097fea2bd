"""Faults and counts, which a reader of rights messages yields besides claims."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from imports.errors import ImportRefused
from plugins.rights.claims import ClaimFault, RightsMessage


class MessageRefused(ImportRefused):
    """The whole message cannot be read; the text says why."""


def fault(line: int, field: str, value: str, rule: str, *, is_warning: bool = False) -> ClaimFault:
    """Return a fault at a line of the file; a long value is cut."""
    return ClaimFault(line=line, field=field, value=value[:200], rule=rule, is_warning=is_warning)


@dataclass(slots=True)
class ReadCounts:
    """A reader's counts: records or elements by name, skipped ones, refused ones."""

    records: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    reading: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    """How a table was read, as ``imports.table_notes`` has it; empty for a message."""
    refused: int = 0
    """Works, recordings and releases that a fault keeps out."""


Read = RightsMessage | ClaimFault | ReadCounts
