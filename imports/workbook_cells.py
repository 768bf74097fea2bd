"""Write a workbook's cell as its number format means it: 50%, 07:15, 0012.

A workbook stores numbers; only the format says that 0.5 is 50 % and 46329.3 a morning.
The text is the one that a CSV file would hold, except that no digits are lost and
digits are not grouped.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    "(?P<quoted>[^"]*)" | \\(?P<escaped>.) | [_*].
    | \[\$(?P<money>[^\[\]-]*+)(?:-[^\[\]]*+)?\]
    | \[(?P<elapsed>h+|m+|s+)\]
    | \[[^\[\]]*\]
    | (?P<halves>am/pm|a/p)
    | (?P<code>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_DIGITS: Final = "0#?"
# Excel keeps fifteen digits; the rest of a float is noise.
_PRECISION: Final = ".15g"
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CellFormat:
    """What a number format says about a number or a time."""

    is_percent: bool = False
    currency: str = ""
    is_currency_first: bool = False
    decimals: int = 0
    mask: tuple[str, ...] = ()
    """Digits (``0``, ``#``) and the text between them, of codes with leading zeros."""
    has_year: bool = False
    has_month: bool = False
    has_day: bool = False
    has_clock: bool = False
    has_seconds: bool = False
    has_fraction: bool = False

    @property
    def has_date(self) -> bool:
        """Return whether a part of a date is shown."""
        return self.has_year or self.has_month or self.has_day


def cell_text(value: object, number_format: str) -> str:
    """Return the text of a cell that is no formula and no error."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        # As spreadsheets show it: a song may be called TRUE.
        return str(value).upper()
    read = read_format(number_format)
    if isinstance(value, datetime):
        return _moment(value, read)
    if isinstance(value, date):
        return _day(value, read)
    if isinstance(value, time):
        return _clock(value, read)
    if isinstance(value, timedelta):
        return _elapsed(value, read)
    if isinstance(value, int | float) and math.isfinite(value):
        return _number(value, read)
    return str(value)


@lru_cache(maxsize=512)
def read_format(number_format: str) -> CellFormat:
    """Return what the first section of a number format says."""
    codes: list[str] = []
    # Parts of a mask, and currencies with whether they stand before the digits.
    mask: list[str] = []
    money: list[tuple[str, bool]] = []
    has_clock = False
    for token in _TOKEN.finditer(number_format[:255]):
        code, symbol = token["code"], token["money"]
        text = token["quoted"] or token["escaped"] or symbol or ""
        if code == ";":
            break
        if code and unicodedata.category(code) == "Sc":
            text, code = code, ""
        if text and (symbol or _is_currency(text)):
            money.append((text.strip(), not any(previous in _DIGITS for previous in codes)))
        elif code or text:
            mask.append(code or text)
            codes += [code] if code else []
        has_clock = has_clock or bool(token["halves"] or token["elapsed"])
    return _format_of("".join(codes), tuple(mask), money, has_clock=has_clock)


def _is_currency(text: str) -> bool:
    bare = text.strip()
    return bool(_CURRENCY.fullmatch(bare)) or any(
        unicodedata.category(character) == "Sc" for character in bare
    )


def _format_of(
    codes: str, mask: tuple[str, ...], money: list[tuple[str, bool]], *, has_clock: bool
) -> CellFormat:
    if codes.lower() == "general":
        return CellFormat()
    whole, _point, fraction = codes.partition(".")
    lower = codes.lower()
    has_clock = has_clock or "h" in lower or "s" in lower
    # Without other parts of a date, m stands for minutes beside hours or seconds.
    is_dated = "y" in lower or "d" in lower
    is_mask = not money and whole.count("0") > 1 and not set(codes) & set(".,%/E")
    symbol, is_first = money[0] if money else ("", False)
    return CellFormat(
        is_percent="%" in codes,
        currency=symbol,
        is_currency_first=is_first,
        decimals=fraction.count("0"),
        mask=mask if is_mask else (),
        has_year="y" in lower,
        has_month="m" in lower and (is_dated or not has_clock),
        has_day="d" in lower,
        has_clock=has_clock,
        has_seconds="s" in lower,
        has_fraction="s" in whole.lower() and fraction.startswith("0"),
    )


# Numbers


def _number(value: float, read: CellFormat) -> str:
    number = Decimal(format(value, _PRECISION))
    if read.is_percent:
        return f"{_plain(number * 100)}%"
    if read.currency:
        return _money(number, read)
    if read.mask and number >= 0 and number == number.to_integral_value():
        return _masked(int(number), read.mask)
    return _plain(number)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _money(number: Decimal, read: CellFormat) -> str:
    amount = _plain(number)
    whole, _point, fraction = amount.partition(".")
    if read.decimals:
        amount = f"{whole}.{fraction.ljust(read.decimals, '0')}"
    both = (read.currency, amount) if read.is_currency_first else (amount, read.currency)
    return " ".join(both)


def _masked(number: int, mask: tuple[str, ...]) -> str:
    """Put the digits into a mask; the first place takes those that are too many."""
    digits = str(number)
    places = [part for part in mask if part in _DIGITS]
    zeros = sum(part == "0" for part in places)
    digits = digits.zfill(zeros)
    written = []
    for part in reversed(mask):
        if part not in _DIGITS:
            written.append(part)
            continue
        places.pop()
        taken = len(digits) if not places else 1
        written.append(digits[len(digits) - taken :])
        digits = digits[: len(digits) - taken]
    return "".join(reversed(written)).strip()


# Dates and times


def _moment(value: datetime, read: CellFormat) -> str:
    if read.has_date and not read.has_clock:
        return _day(value.date(), read)
    if not read.has_fraction:
        value = _rounded(value)
    if not read.has_clock and value.time() == time():
        return value.date().isoformat()
    return f"{value.date().isoformat()} {_clock(value.time(), read)}"


def _rounded(value: datetime) -> datetime:
    """Return the nearest second: sums of days miss it by some microseconds."""
    try:
        return (value + _SECOND / 2).replace(microsecond=0)
    except OverflowError:
        return value.replace(microsecond=0)


def _day(value: date, read: CellFormat) -> str:
    text = value.isoformat()
    if read.has_day or not read.has_year:
        return text
    return text[:7] if read.has_month else text[:4]


def _clock(value: time, read: CellFormat) -> str:
    at = datetime.combine(date(2000, 1, 1), value)
    if not read.has_fraction and _rounded(at).date() == at.date():
        at = _rounded(at)
    if at.microsecond and read.has_fraction:
        return at.time().isoformat("milliseconds")
    return at.time().isoformat("seconds" if read.has_seconds or at.second else "minutes")


def _elapsed(value: timedelta, read: CellFormat) -> str:
    unit_ms = 1 if read.has_fraction else 1000
    total = round(abs(value) / timedelta(milliseconds=unit_ms)) * unit_ms
    seconds, ms = divmod(total, 1000)
    sign = "-" if value < timedelta() and total else ""
    text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{ms:03}" if ms else text
