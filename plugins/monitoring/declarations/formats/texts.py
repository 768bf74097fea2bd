"""Values as formats can hold them: on one line, in ASCII, in names of files."""

from __future__ import annotations

import calendar
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from base.common.outside_text import normalised
from base.common.reading import rounded
from plugins.monitoring.declarations.facts import PlayFacts
from reports.cells import clock

_HALF_SECOND_US = 500_000
# Control characters, separators of lines and halves of surrogate pairs.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_IN_NAMES = re.compile(r"[^\w.+-]|_")
_NAME_CHARS = 80
# Sentences about changes quote no more of a value.
_QUOTED_CHARS = 60


def start_in_seconds(play: PlayFacts) -> datetime:
    """Return when a play began, rounded to the second as its length is.

    No play moves to another day, which may not be in the declaration's period.
    """
    at = play.starts_at
    whole = at.replace(microsecond=0)
    following = (whole + timedelta(seconds=1)).replace(fold=at.fold)
    if at.microsecond < _HALF_SECOND_US or following.date() != at.date():
        return whole
    return following


def length_in_seconds(play: PlayFacts) -> str:
    """Return the length between the rounded ends; with pauses, what sounded, rounded."""
    length_ms = play.end_ms - play.start_ms
    if play.played_ms != length_ms:
        return clock(play.played_ms)
    starts_ms = play.starts_at.microsecond // 1000
    return clock(rounded(starts_ms + length_ms) - rounded(starts_ms))


def _table(letters: str, plain: str) -> dict[str, str]:
    return dict(zip(letters, plain.split(), strict=True))


# Unicode does not decompose these.
_LATIN = _table(
    "ßẞÆæŒœØøĐđÐðÞþŁłĦħŊŋŦŧıĸſʼ", "ss SS AE ae OE oe O o D d D d Th th L l H h NG ng T t i k s '"
)
_CYRILLIC = _table(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґђјљњћџѓќѕ",
    "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch ' y ' e yu ya "
    "i yi ye g dj j lj nj c dz gj kj dz",
)
_GREEK = _table("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o")
_SIGNS = {
    **dict.fromkeys("‘’‚‛′`´", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "⁄": "/",
    "×": "x",
    "•": "*",
    "·": "*",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "©": "(C)",
    "®": "(R)",
    "¿": "?",
    "¡": "!",
}
_SMALL = {**_CYRILLIC, **_GREEK}
_PLAIN = {
    **_SMALL,
    **{letter.upper(): plain.capitalize() for letter, plain in _SMALL.items()},
    **_LATIN,
    **_SIGNS,
}


def one_line(text: str) -> str:
    """Return text without line breaks, tabs and other controls, nor blanks around."""
    return _BREAKS.sub(" ", text).strip()


def name_part(text: str) -> str:
    """Return text as a part of a file's name: no blanks, underscores or slashes."""
    return _NOT_IN_NAMES.sub("-", one_line(text))[:_NAME_CHARS].strip("-.")


def plain_decimal(value: Decimal | None) -> str:
    """Return a number without exponent and without zeros at its end."""
    text = "" if value is None else f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def compact_day(day: date | None) -> str:
    """Return a day as YYYYMMDD."""
    return "" if day is None else day.isoformat().replace("-", "")


def is_month(begins: date, ends: date) -> bool:
    """Tell whether a period is one calendar month."""
    last = calendar.monthrange(begins.year, begins.month)[1]
    return (begins.day, ends) == (1, begins.replace(day=last))


@dataclass(frozen=True, slots=True)
class AsciiText:
    """Text in ASCII; ``lost`` are the letters and digits that have no ASCII form."""

    text: str
    lost: str


def in_ascii(text: str) -> AsciiText:
    """Transliterate Latin, Greek and Cyrillic letters; leave out other signs.

    Accents go, so that ö becomes o. Letters of other scripts are ``lost``: how they
    are written in Latin letters depends on their language.
    """
    line = one_line(text)
    if line.isascii():
        return AsciiText(line, "")
    pieces: list[str] = []
    lost: list[str] = []
    # Composed first: й is a letter of its own, not и with a sign.
    for composed in normalised(line, "NFC"):
        for letter in _PLAIN.get(composed) or normalised(composed, "NFKD"):
            plain = letter if letter.isascii() else _PLAIN.get(letter, "")
            pieces.append(plain)
            if not plain and unicodedata.category(letter)[0] in "LN":
                lost.append(composed)
    return AsciiText(" ".join("".join(pieces).split()), "".join(dict.fromkeys(lost)))


class ChangedValues:
    """Sentences about values that were changed to fit a format, each once."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def keep(self, cell: str, text: str, written: str) -> str:
        """Return the written text; remember it if it differs from the given one."""
        if written == text:
            return written
        if written:
            sentence = _("%(cell)s: “%(given)s” is written as “%(written)s”.")
        else:
            sentence = _("%(cell)s: “%(given)s” cannot be written and is left out.")
        words = {"cell": cell, "given": _quoted(text), "written": _quoted(written)}
        self._sentences[sentence % words] = None
        return written

    def sentences(self) -> tuple[str, ...]:
        """Return the changes in the order in which they were made."""
        return tuple(self._sentences)


def _quoted(text: str) -> str:
    line = _BREAKS.sub("␣", text)
    return line if len(line) <= _QUOTED_CHARS else f"{line[: _QUOTED_CHARS - 1]}…"
