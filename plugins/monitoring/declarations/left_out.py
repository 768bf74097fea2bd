"""What a declaration leaves out, listed in a file beside it."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.common.csv_safety import GuardedWriter
from reports.cells import offset


class LeftOut(models.TextChoices):
    """Why something is not declared."""

    UNDECIDED = "undecided_match", _("Undecided match")
    PUBLIC_DOMAIN = "in_public_domain", _("Rejected as public domain")
    COUNTED = ("counted_already", _("Play already counted for another stream of the station"))
    UNKNOWN = "unknown_music", _("Unknown music")
    ITEM = "unknown_item", _("Unknown sound that repeats")
    ENTERED = "entered", _("Entered by hand, without a match")
    EXCLUDED = "excluded", _("Excluded part of a recording")
    SUPPRESSED = "suppressed", _("Suppressed match")
    NOT_SCANNED = "not_searched", _("Not searched")
    NOT_DECODED = "not_decoded", _("Not decoded")
    GAP = "stream_gap", _("Gap of a stream")


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    """One thing that is not declared; ``match`` and ``item`` are ids, or empty."""

    why: LeftOut
    station: str
    starts_at: datetime
    length_ms: int
    file: str = ""
    file_name: str = ""
    match: str = ""
    recording: str = ""
    isrc: str = ""
    item: str = ""
    note: str = ""


Take = Callable[[LeftOutRow], None]

HEADER = tuple(field.name for field in fields(LeftOutRow))
_PIECE_CHARS = 64 * 1024


class LeftOutList:
    """Counts rows by cause, and writes them as CSV where ``write`` is given."""

    def __init__(self, write: Callable[[bytes], None] | None = None) -> None:
        self.counts: Counter[LeftOut] = Counter()
        self.length_ms: Counter[LeftOut] = Counter()
        self._write = write
        self._buffer = io.StringIO(newline="")
        self._csv = GuardedWriter(self._buffer)
        if write is not None:
            self._buffer.write("\ufeff")
            self._csv.write(HEADER)

    def take(self, row: LeftOutRow) -> None:
        """Count a row, and write it."""
        self.counts[row.why] += 1
        self.length_ms[row.why] += row.length_ms
        if self._write is None:
            return
        self._csv.write(
            [
                row.why.value,
                row.station,
                row.starts_at.isoformat(timespec="milliseconds"),
                offset(row.length_ms),
                row.file,
                row.file_name,
                row.match,
                row.recording,
                row.isrc,
                row.item,
                row.note,
            ]
        )
        if self._buffer.tell() >= _PIECE_CHARS:
            self.flush()

    def flush(self) -> None:
        """Write the remaining rows."""
        if self._write is not None:
            self._write(self._buffer.getvalue().encode())
        self._buffer.seek(0)
        self._buffer.truncate()
