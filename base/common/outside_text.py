"""The one rule for texts from outside: what is kept of titles, names and messages.

U+200C and U+200D join and part letters: Persian and Hindi words and many emoji are other
ones without them. What shows nothing, or changes the order of what others read, goes.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final, Literal, TypeAlias

Form: TypeAlias = Literal["NFC", "NFKC", "NFKD"]
# As in Unicode's Stream-Safe Text Format; no language has as many on one letter.
_MOST_MARKS: Final = 30
# No character that combines with the one before it is above this.
_MARKS_END: Final = 0x20000

JOINERS: Final = "\u200c\u200d"
# Line ends, tabs, and blanks of all widths.
_BLANKS: Final = re.compile(
    r"[\t-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
# Controls, blanks without width, marks of direction, and halves of characters. Without a
# name in Python's Unicode are also the letters of newer versions, so those stay.
_UNSEEN: Final = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b\\u200e\\u200f\\u202a-\\u202e"
    "\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\ufffe\\uffff\\ud800-\\udfff\\U000e0001]"
)


def one_line(text: str, most: int | None = None) -> str:
    """Return a text on one line, of at most ``most`` characters, without what is unseen."""
    if most is not None:
        # Cleaning a long text takes long; this leaves room for what goes.
        text = text[: 4 * most + 1000]
    line = _UNSEEN.sub("", _BLANKS.sub(" ", text)).strip(f" {JOINERS}")
    return line if most is None else line[:most].rstrip(f" {JOINERS}")


def is_one_line(text: str) -> bool:
    """Return whether a text shows all its characters on one line."""
    return not (_BLANKS.search(text) or _UNSEEN.search(text))


def normalised(text: str, form: Form) -> str:
    """Return a text in a form of Unicode, with at most 30 marks on one letter.

    The time that Python takes for the marks of one letter grows with their square, during
    which no other thread runs.
    """
    return unicodedata.normalize(form, text if text.isascii() else _marks().sub(r"\1", text))


@cache
def _marks() -> re.Pattern[str]:
    """Return a pattern of more marks on one letter than there may be."""
    marks = "".join(
        re.escape(character)
        for character in map(chr, range(_MARKS_END))
        if all(map(unicodedata.combining, unicodedata.normalize("NFKD", character)))
    )
    return re.compile(f"([{marks}]{{{_MOST_MARKS}}})[{marks}]+")


def without_joiners(text: str) -> str:
    """Return a text for comparing: people search with joiners and without."""
    return text.replace(JOINERS[0], "").replace(JOINERS[1], "")
