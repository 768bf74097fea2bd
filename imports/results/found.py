"""Results of another program for one file, in the form of ACRCloud's API, and faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from imports.errors import ImportRefused

# Any in this module: JSON of another service.
Json = dict[str, Any]

READY, NO_RESULT, FAILED = 1, -1, -2


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file with its results.

    ``remote_id`` is the service's own id; if empty, the name identifies the file.
    ``results`` has the sections that ``acrcloud_results`` reads. ``unmatched`` are
    intervals without a result, as in ``Scan.unmatched``. ``came_at`` is when the service
    got the file, which becomes the day of a new file here; None for now.
    """

    line: int
    name: str
    state: int
    results: Json
    remote_id: str = ""
    url: str = ""
    duration_ms: int = 0
    scanned_at: str = ""
    unmatched: list[Json] = field(default_factory=list)
    came_at: datetime | None = None


class ResultsRefused(ImportRefused):
    """The whole file is unreadable."""


@dataclass(frozen=True, slots=True)
class ResultFault:
    """A row or file that cannot be imported: line (0 if unknown), column, cause."""

    line: int
    column: str
    message: str
