"""Keeps spreadsheet programs from running text as a formula, without losing any.

A text cell that a spreadsheet might read as a formula gets one leading apostrophe;
reading takes exactly one off. Cells that already begin with apostrophes before such
a character get one more, so that the way back is exact.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")


def guard(text: str) -> str:
    """Return ``text`` safe to open in a spreadsheet."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Return what ``guard`` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
