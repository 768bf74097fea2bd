"""Names of columns as tables are compared with ours: without case, accents and signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from base.common.outside_text import normalised

# Longer names are no names of columns, and must cost nothing.
_COMPARED: Final = 200


def compared(name: str) -> str:
    """Return a name for comparison: without case, accents and anything but letters and
    digits.
    """
    plain = normalised(name[:_COMPARED], "NFKD").casefold()
    return "".join(char for char in plain if char.isalnum())


def by_name(names: Mapping[str, str]) -> dict[str, str]:
    """Return our column by each of its names, which commas separate, for comparison."""
    return {compared(name): column for column, texts in names.items() for name in texts.split(",")}
