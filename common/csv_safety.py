"""Keeps spreadsheet programs from running cell text as a formula, without loss.

``guard`` puts one apostrophe before text that a spreadsheet might read as a formula,
and ``unguard`` removes exactly one. Text that already has apostrophes before such a
character gets one more, so the round trip is exact.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")


def guard(text: str) -> str:
    """Return ``text`` safe to open in a spreadsheet."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Return the original of guarded text."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
