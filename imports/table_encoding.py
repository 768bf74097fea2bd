"""Finds out in which encoding a table of text is."""

from __future__ import annotations

import codecs
from typing import IO, Final

from django.utils.translation import gettext

from base.common.charsets import FILE_CHARSETS, guess_charset
from imports.errors import TableRefused

RECOGNISED: Final = ""
"""The choice of people who leave it to the portal."""
# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CODECS: Final = (*(name for _mark, name in _MARKS), "utf-16-le", "utf-16-be")
"""What ``encoding_of`` can return besides the encodings that people choose."""
_SNIFF_BYTES: Final = 4096
# A very long line is read in parts.
_MAX_PART: Final = 4_000_000
# Enough to recognise an encoding.
_MAX_SAMPLE: Final = 2_000_000
# A file is decoded once before it is read, as far as this.
_MOST_CHECKED: Final = 100 * 1024**2


def encoding_of(file: IO[bytes], chosen: str = RECOGNISED) -> str:
    """Return the name that Python knows; raise ``TableRefused`` at the first bad byte.

    A mark at the beginning says more than a person, who may not know. Without a mark
    and a choice, text is UTF-8, or else what most of its lines seem to be.
    """
    file.seek(0)
    beginning = file.read(_SNIFF_BYTES)
    marked = next((name for mark, name in _MARKS if beginning.startswith(mark)), "")
    encoding = marked or _wide(beginning) or chosen or "utf-8"
    fault = _first_fault(file, encoding)
    if fault is None:
        return encoding
    if chosen or encoding != "utf-8":
        raise fault.refusal(encoding)
    if (again := _first_fault(file, fault.guessed)) is not None:
        raise again.refusal(fault.guessed)
    return fault.guessed


def _wide(beginning: bytes) -> str:
    """Return the encoding of text with two bytes to a character and without a mark."""
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    most, least = max(even, odd), min(even, odd)
    if most < len(beginning) / 5 or least > most / 10:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


class _BadByte:
    """The first byte that is not text in an encoding, and what the text may be in."""

    def __init__(self, *, line: int, at: int, value: int, guessed: str) -> None:
        self.line, self.at, self.value, self.guessed = line, at, value, guessed

    def refusal(self, encoding: str) -> TableRefused:
        text = gettext(
            "Line %(line)s, byte %(at)s: 0x%(object)s is not %(encoding)s text. "
            "Save the file as UTF-8, or choose %(other)s."
        )
        if self.guessed == encoding:
            text = gettext(
                "Line %(line)s, byte %(at)s: 0x%(object)s is not %(encoding)s text. "
                "Save the file as UTF-8."
            )
        return TableRefused(
            text
            % {
                "line": self.line,
                "at": self.at,
                "object": f"{self.value:02x}",
                "encoding": FILE_CHARSETS.get(encoding, encoding.upper()),
                "other": FILE_CHARSETS[self.guessed],
            }
        )


def _first_fault(file: IO[bytes], encoding: str) -> _BadByte | None:
    """Decode a file once, up to a limit; return the first byte that does not fit."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, done, raw, remaining_bytes = 1, 0, b" ", _MOST_CHECKED
    file.seek(0)
    while raw and remaining_bytes > 0:
        raw = file.readline(min(_MAX_PART, remaining_bytes))
        remaining_bytes -= len(raw)
        try:
            decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            # The decoder kept the end of the previous part in front of this one.
            return _BadByte(
                line=line,
                at=done + error.start + 1 - (len(error.object) - len(raw)),
                value=error.object[error.start],
                guessed=guess_charset(raw + file.read(_MAX_SAMPLE), among=FILE_CHARSETS),
            )
        line, done = line + raw.endswith(b"\n"), done + len(raw)
    return None
