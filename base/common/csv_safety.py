"""Keeps spreadsheet programs from running cell text as a formula, without loss.

``guard`` puts one apostrophe before text that a spreadsheet might read as a formula,
and ``unguard`` removes exactly one. Text that already has apostrophes before such a
character gets one more, so the round trip is exact.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import TextIO

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")


def guard(text: str) -> str:
    """Return ``text`` safe to open in a spreadsheet."""
    return f"'{text}" if _FORMULA.match(text) else text


class GuardedWriter:
    """Writes CSV that people open in spreadsheets: every cell is guarded."""

    def __init__(self, file: TextIO) -> None:
        """Write rows to ``file`` as RFC 4180 has them."""
        self._rows = csv.writer(file, lineterminator="\r\n")

    def write(self, cells: Iterable[str]) -> None:
        """Write a row."""
        self._rows.writerow(map(guard, cells))


def unguard(text: str) -> str:
    """Return the original of guarded text."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
