"""How tables of many programs write text: separators, numbers, days, accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Final

from babel.dates import get_month_names

from base.common.outside_text import normalised

SEPARATORS: Final = ",;\t"
_NAMED: Final = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\s]*', re.IGNORECASE)
_LINE_END: Final = re.compile(r"[\r\n]")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,15})?")
_GROUPED: Final = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_CLOCK: Final = re.compile(
    r"[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?: ?[AaPp]\.?[Mm]\.?|Z)?"
)
_ISO_DAY: Final = re.compile(r"([0-9]{4})(?:([-/.])([0-9]{1,2})(?:\2([0-9]{1,2}))?)?")
_PLAIN_DAY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_LOCAL_DAY: Final = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4}|[0-9]{2})")
_LOCAL_MONTH: Final = re.compile(r"([0-9]{1,2})[-/.]([0-9]{4})")
_ITEM_ESCAPES: Final = re.compile(r"[\\|]")
_WORD_OR_NUMBER: Final = re.compile(r"[^\W\d_]{1,20}|[0-9]{1,4}")
_LONGEST_DAY: Final = 60
_MONTHS_IN: Final = ("en", "de", "fr", "es")
# After words are separated by single spaces.
_FEATURED: Final = re.compile(r" [(\[]?(?:feat\.?|ft\.?|featuring) ", re.IGNORECASE)


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


def read_share(text: str, *, is_fraction: bool) -> Decimal | None:
    """Return a share in percent; a sign in the cell says percent, whatever is usual."""
    if not is_fraction or text.rstrip().endswith("%"):
        return read_percent(text)
    number = read_decimal(text, most=1)
    return None if number is None else (number * 100).normalize()


def without_clock(text: str) -> str:
    """Return a date without the time of day that programs add to it."""
    for place in range(6, min(len(text), _LONGEST_DAY)):
        if text[place] in " T" and _CLOCK.fullmatch(text[place:].rstrip()):
            return text[:place]
    return text


class DayOrder(StrEnum):
    """What stands first in a date of three numbers."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


def day_order_of(text: str) -> DayOrder | None:
    """Return what stands first in a date, if its numbers show it."""
    match = _LOCAL_DAY.fullmatch(without_clock(text.strip()[:_LONGEST_DAY]))
    if match is None:
        return None
    if match[2] == "." or int(match[1]) > 12:
        return DayOrder.DAY_FIRST
    return DayOrder.MONTH_FIRST if int(match[3]) > 12 else None


def read_day(text: str, order: str = DayOrder.DAY_FIRST) -> str | None:
    """Return a year, month or day in the form 2016-06-28; None for other text.

    ``order`` decides where the numbers do not. Two digits mean a year from 50 years ago
    to 49 years ahead.
    """
    bare = without_clock(text.strip()[:_LONGEST_DAY]).strip()
    if match := _ISO_DAY.fullmatch(bare):
        return _day(match[1], match[3], match[4])
    if match := _PLAIN_DAY.fullmatch(bare):
        return _day(*match.groups())
    if match := _LOCAL_DAY.fullmatch(bare):
        first, second, year = match[1], match[3], match[4]
        if len(year) == 2:
            now = date.today().year  # noqa: DTZ011 - only the century counts
            year = str(now - 50 + (int(year) - (now - 50)) % 100)
        is_turned = (day_order_of(bare) or order) == DayOrder.MONTH_FIRST
        return _day(year, first, second) if is_turned else _day(year, second, first)
    if match := _LOCAL_MONTH.fullmatch(bare):
        return _day(match[2], match[1], None)
    return _day_with_month_name(bare)


def _day_with_month_name(text: str) -> str | None:
    """Return a date with the name of its month: 28 June 2016, Juni 2016."""
    parts = [part.casefold() for part in _WORD_OR_NUMBER.findall(text)]
    months = [_months()[part] for part in parts if part in _months()]
    years = [part for part in parts if part.isdigit() and len(part) == 4]
    days = [part for part in parts if part.isdigit() and len(part) < 3]
    words = [part for part in parts if not part.isdigit() and part not in _months()]
    if len(months) != 1 or len(years) != 1 or len(days) > 1:
        return None
    if set(words) - {"de", "of", "the", "st", "nd", "rd", "th", "er", "del", "le"}:
        return None
    return _day(years[0], str(months[0]), days[0] if days else None)


@cache
def _months() -> dict[str, int]:
    return {
        name.casefold().rstrip("."): number
        for locale in _MONTHS_IN
        for width in ("wide", "abbreviated")
        for context in ("format", "stand-alone")
        for number, name in get_month_names(width, context, locale).items()
    }


def _day(year: str, month: str | None, day: str | None) -> str | None:
    with suppress(ValueError):
        date(int(year), int(month or 1), int(day or 1))
        parts = [year, *(f"{int(part):02}" for part in (month, day) if part)]
        return "-".join(parts)
    return None


class NameMarks(StrEnum):
    """What separates the names in a cell."""

    BARS = "bars"
    MARKS = "marks"
    COMMAS = "commas"


def has_marks(text: str) -> set[NameMarks]:
    """Return which marks a cell has: bars, or others that certainly separate names."""
    if "|" in text:
        return {NameMarks.BARS}
    return {NameMarks.MARKS} if len(split_names(text, NameMarks.MARKS)) > 1 else set()


def join_list(items: Iterable[str]) -> str:
    """Join a list with ``|``; bars and backslashes inside items are escaped."""
    return "|".join(_ITEM_ESCAPES.sub(r"\\\g<0>", item) for item in items)


def split_list(text: str) -> list[str]:
    r"""Split a list at ``|``; ``\|`` and ``\\`` stand for the characters themselves."""
    items, current, escaped = [], "", False
    for char in text:
        if escaped or char not in "\\|":
            current, escaped = current + char, False
        elif char == "\\":
            escaped = True
        else:
            items.append(current)
            current = ""
    return [item.strip() for item in [*items, current] if item.strip()]


def split_names(text: str, marks: str = NameMarks.BARS) -> list[str]:
    """Return the names in a cell, each once."""
    names = split_list(text)
    if marks != NameMarks.BARS:
        names = [part for name in names for part in _at_marks(name)]
    if marks == NameMarks.COMMAS:
        names = [part for name in names for part in name.replace(" & ", ",").split(",")]
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _at_marks(name: str) -> list[str]:
    """Split at semicolons, line breaks, " / " and "feat."."""
    lines = name.replace(";", "\n").replace(" / ", "\n").splitlines()
    parts = []
    for line in lines:
        first, *guests = _FEATURED.split(" ".join(line.split()))
        # The bracket of "(feat. B)".
        parts += [first, *(name if "(" in name else name.rstrip(")]") for name in guests)]
    return parts
