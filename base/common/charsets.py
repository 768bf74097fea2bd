"""Guesses the encoding of text that is not UTF-8, line by line.

Libraries that detect encodings need more text than a title or a name has: of twelve
titles in seven encodings, charset-normalizer named five rightly. Here a line speaks for
an encoding if the letters beyond ASCII all belong to one language that uses it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from itertools import pairwise
from typing import Final

CHARSETS: Final = {
    "utf-8": "UTF-8",
    "windows-1252": "Windows-1252",
    "windows-1250": "Windows-1250",
    "windows-1251": "Windows-1251",
    "windows-1253": "Windows-1253",
    "windows-1254": "Windows-1254",
    "koi8-r": "KOI8-R",
}
"""The encodings that people may choose, by the names that Python knows."""
FILE_CHARSETS: Final = {**CHARSETS, "mac-roman": "MacRoman"}
"""Encodings of files that people may bring."""
# Letters beyond ASCII, lower case, of the languages that an encoding serves.
_LANGUAGES: Final = {
    "windows-1252": (
        frozenset("äöüßéà"),  # German
        frozenset("àâæçéèêëîïôœùûüÿñ"),  # French
        frozenset("áéíóúüñçà"),  # Spanish, Catalan
        frozenset("áàâãçéêíóôõúü"),  # Portuguese
        frozenset("àèéìíîòóùú"),  # Italian
        frozenset("åäöéæøüà"),  # Nordic languages
        frozenset("áæéíðóöúýþ"),  # Icelandic
        frozenset("éèëïöüáóúêâîôû"),  # Dutch
    ),
    "windows-1250": (
        frozenset("ąćęłńóśźżé"),  # Polish
        frozenset("áčďéěíňóřšťúůýžäöüĺľôŕ"),  # Czech, Slovak
        frozenset("áéíóöőúüű"),  # Hungarian
        frozenset("čćđšž"),  # Croatian, Slovene
        frozenset("ăâîşţ"),  # Romanian
    ),
    "windows-1254": (frozenset("çğıiöşüâîû"),),  # Turkish
}
# Without case from one word to the next, a line speaks for the first of these.
_SCRIPTS: Final = (
    ("windows-1251", re.compile(r"[Ѐ-ӿ]")),
    ("windows-1253", re.compile(r"[Ͱ-Ͽ]")),
    ("koi8-r", re.compile(r"[Ѐ-ӿ]")),
)
_HIGH: Final = re.compile(rb"[\x80-\xff]")
# Words of at least two letters without an ASCII letter among them.
_FOREIGN_WORD: Final = re.compile(rb"(?<![A-Za-z])[\x80-\xff]{2,}(?![A-Za-z])")
_WORD: Final = re.compile(r"[^\W\d_]+")
_ODD: Final = re.compile(
    r"[^\W\d_][¡-¿×÷˘ˇ˛˝€‚-‹†-‰]+[^\W\d_]|[^\W\d_]{2}[¹³£¯¼¾]|[¹³£¯¼¾][^\W\d_]{2}"
)
# Enough to recognise an encoding.
_MAX_LINES: Final = 2_000
_MAX_LINE_BYTES: Final = 500


_LANGUAGES["mac-roman"] = _LANGUAGES["windows-1252"]


def guess_charset(content: bytes, *, among: Collection[str] = CHARSETS) -> str:
    """Return the encoding in which most lines make sense; Windows-1252 if unsure."""
    votes: Counter[str] = Counter()
    lines = (line for line in content.splitlines() if _HIGH.search(line))
    for line, _number in zip(lines, range(_MAX_LINES), strict=False):
        votes.update(_encodings_of(line[:_MAX_LINE_BYTES]))
    # Of equal numbers, the first in the order of ``CHARSETS`` counts.
    return max((name for name in among if name != "utf-8"), key=votes.__getitem__)


def decode_text(content: bytes, charset: str = "") -> str:
    """Decode text in ``charset``, or else in UTF-8; other lines in what they seem to be."""
    if charset:
        return content.decode(charset, "replace")
    try:
        return content.decode()
    except UnicodeDecodeError:
        pass
    lines = content.splitlines(keepends=True)
    guessed = guess_charset(b"".join(line for line in lines if not _is_utf_8(line)))
    return "".join(
        line.decode("utf-8" if _is_utf_8(line) else guessed, "replace") for line in lines
    )


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _encodings_of(line: bytes) -> set[str]:
    """Return the encodings in which a line may be written."""
    high = len(_HIGH.findall(line))
    if 2 * sum(map(len, _FOREIGN_WORD.findall(line))) > high:
        fitting = [name for name, script in _SCRIPTS if _is_script(line, name, script)]
        if fitting:
            return {fitting[0]}
    return {name for name, languages in _LANGUAGES.items() if _fits(line, name, languages)}


def _is_script(line: bytes, name: str, script: re.Pattern[str]) -> bool:
    """Return whether every foreign letter is of a script, and no small one before a capital."""
    text = line.decode(name, "replace")
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    return (
        "\ufffd" not in text
        and bool(words)
        and all(script.match(letter) for word in words for letter in word)
        and not any(
            before.islower() and letter.isupper()
            for word in words
            for before, letter in pairwise(word)
        )
    )


def _fits(line: bytes, name: str, languages: tuple[frozenset[str], ...]) -> bool:
    """Return whether a line is text of one of the languages of an encoding."""
    decoded = line.decode(name, "replace")
    # No capital stands within a word, except where another encoding has a small letter.
    if any(
        before.islower() and letter.isupper() and not letter.isascii()
        for before, letter in pairwise(decoded)
    ):
        return False
    text = decoded.lower().replace("i\u0307", "i")
    # A sign such as ³ or £ that belongs to a word was a letter.
    if "\ufffd" in text or _ODD.search(text):
        return False
    foreign = {letter for letter in text if letter.isalpha() and not letter.isascii()}
    return any(foreign <= letters for letters in languages)
