"""Reads the dates of feeds: rightly, or not at all.

Feeds are sorted and kept by date, so a date that is off by an unknown zone does more harm
than none. A zone counts if its abbreviation means one offset everywhere (so neither BST
nor IST).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            *("jan january", "feb february", "mar march", "apr april", "may", "jun june"),
            *("jul july", "aug august", "sep sept september", "oct october"),
            *("nov november", "dec december"),
        ),
        start=1,
    )
    for name in names.split()
}
_HOURS_AHEAD: Final = (
    "z:0 ut:0 utc:0 gmt:0 wet:0 cet:1 mez:1 west:1 cest:2 mesz:2 eet:2 sast:2 eest:3 msk:3 "
    "awst:8 jst:9 kst:9 acst:9.5 aest:10 acdt:10.5 aedt:11 nzst:12 nzdt:13 adt:-3 edt:-4 "
    "cdt:-5 est:-5 cst:-6 mdt:-6 mst:-7 pdt:-7 pst:-8 akdt:-8 akst:-9 hst:-10"
)
_ZONES: Final = {
    name: float(hours) for name, hours in (zone.split(":") for zone in _HOURS_AHEAD.split())
}
_COMMENT: Final = re.compile(r"\([^()]*\)")
_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:t|$)")
_CLOCK: Final = re.compile(
    r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]{1,9})?)?(am|pm)?(z|[+-].+)?"
)
_DAY: Final = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|\.)?")
_OFFSET: Final = re.compile(r"(?:gmt|utc?)?([+-])([0-9]{1,2})(?::?([0-9]{2}))?")
_MOST_CHARS: Final = 100
_YEARS: Final = range(1900, 2200)
# Two digits of a year, as RFC 5322 and Python's ``email`` read them.
_CENTURY_FROM: Final = 69


class _NoDate(Exception):
    """The text is no date, or may mean several."""


def read_date(text: str) -> datetime | None:
    """Return the moment, of UTC if the text names no zone; None if it is not certain."""
    bare = _COMMENT.sub(" ", text[:_MOST_CHARS]).lower().replace(",", " ")
    # Words of a date in ISO 8601 are separated by a letter.
    day = _ISO_DAY.match(bare.strip())
    if day is not None:
        bare = bare.strip()
        bare = f"{bare[:10]} {bare[11:]}"
    try:
        return _DateParts(bare.split()).moment()
    except (_NoDate, ValueError, OverflowError):
        return None


class _DateParts:
    """The parts of a date, each named once."""

    def __init__(self, words: list[str]) -> None:
        self._found: dict[str, float] = {}
        for place, word in enumerate(words):
            if not self._take(word) and not (place == 0 and word.strip(".").isalpha()):
                # Only the first word, a day of the week, may be of any language.
                raise _NoDate

    def moment(self) -> datetime:
        """Return the moment; raise ``_NoDate`` or ``ValueError`` if it is none."""
        fields = self._found
        if not fields.keys() >= {"year", "month", "day"}:
            raise _NoDate
        hour = fields.get("hour", 0)
        if "half" in fields:
            if not 1 <= hour <= 12:
                raise _NoDate
            hour = hour % 12 + fields["half"]
        zone = timezone(timedelta(hours=fields.get("zone", 0)))
        year = int(fields["year"])
        if year not in _YEARS:
            raise _NoDate
        return datetime(
            *(year, int(fields["month"]), int(fields["day"])),
            *(int(hour), int(fields.get("minute", 0)), int(fields.get("second", 0))),
            tzinfo=zone,
        )

    def _put(self, **parts: float) -> bool:
        if parts.keys() & self._found.keys():
            raise _NoDate
        self._found |= parts
        return True

    def _take(self, word: str) -> bool:
        """Take a word; return whether it is a part of a date."""
        if (iso := _ISO_DAY.fullmatch(word)) is not None:
            year, month, day = map(int, iso.groups())
            return self._put(year=year, month=month, day=day)
        if (clock := _CLOCK.fullmatch(word)) is not None:
            return self._take_clock(clock)
        if word in ("am", "pm", "a.m.", "p.m."):
            return self._put(half=12 if word[0] == "p" else 0)
        if word.rstrip(".") in _MONTHS:
            return self._put(month=_MONTHS[word.rstrip(".")])
        if word.isascii() and word.isdigit() and len(word) == 4:
            return self._put(year=int(word))
        if (day_found := _DAY.fullmatch(word)) is not None:
            number = int(day_found[1])
            if "day" not in self._found:
                return self._put(day=number)
            return self._put(year=number + (1900 if number >= _CENTURY_FROM else 2000))
        if word in _ZONES:
            return self._put(zone=_ZONES[word])
        return self._take_offset(word)

    def _take_clock(self, clock: re.Match[str]) -> bool:
        hour, minute, second, half, offset = clock.groups()
        if half:
            self._put(half=12 if half == "pm" else 0)
        if offset and not (offset == "z" and self._put(zone=0)):
            self._take_offset(offset)
        return self._put(hour=int(hour), minute=int(minute), second=int(second or 0))

    def _take_offset(self, word: str) -> bool:
        offset = _OFFSET.fullmatch(word)
        if offset is None:
            return False
        sign, hours, minutes = offset.groups(default="0")
        total = int(hours) + int(minutes) / 60
        if int(minutes) > 59 or total > 14:
            raise _NoDate
        return self._put(zone=-total if sign == "-" else total)
