"""How tables of many programs write text: separators, numbers, days, accents."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

from common.outside_text import normalised

SEPARATORS: Final = ",;\t"
_NAMED: Final = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\s]*', re.IGNORECASE)
_LINE_END: Final = re.compile(r"[\r\n]")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,15})?")
_GROUPED: Final = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_CLOCK: Final = re.compile(r"[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?Z?")


def one_form(text: str) -> str:
    """Return text in the composed form of Unicode.

    macOS writes the names of files decomposed, so that equal names would differ. Text
    without combining characters stays as it is: composing it would only replace the
    variants of ideographs that some people write their names with.
    """
    if text.isascii() or not any(map(_combines, set(text))):
        return text
    return normalised(text, "NFC")


def _combines(character: str) -> bool:
    """Return whether a character joins the one before: an accent, or a part of Hangul."""
    return unicodedata.combining(character) > 0 or "\u1160" <= character <= "\u11ff"


def separator_of(text: str) -> tuple[str, bool]:
    """Return the separator of a CSV file, and whether its first line only names it.

    Spreadsheets use that of the country they are set to. Excel reads it from a first
    line such as ``sep=;``.
    """
    first_line = _LINE_END.split(text, maxsplit=1)[0]
    named = _NAMED.fullmatch(first_line)
    if named is not None:
        return named[1], True
    return max(SEPARATORS, key=first_line.count), False


def read_decimal(text: str, *, most: int) -> Decimal | None:
    """Return a number from 0 to ``most`` with a decimal point or comma; else None.

    A comma that may group thousands (12,500) is refused, because it could mean either.
    """
    bare = text.strip().replace("\N{NO-BREAK SPACE}", "")
    if not _NUMBER.fullmatch(bare):
        return None
    if _GROUPED.fullmatch(bare) and int(bare.replace(",", "")) <= most:
        return None
    number = Decimal(bare.replace(",", "."))
    return number if number <= most else None


def read_percent(text: str) -> Decimal | None:
    """Return a share from 0 to 100, with or without a percent sign; else None."""
    return read_decimal(text.strip().removesuffix("%").rstrip(), most=100)


def without_clock(text: str) -> str:
    """Return a date without the time of day that programs add to it."""
    day, rest = text[:10], text[10:]
    return day if _CLOCK.fullmatch(rest) else text
