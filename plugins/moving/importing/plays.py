"""Turns the plays of a stream's day into the results of one file of that day.

A play has its begin (``timestamp_utc``) and length; times in its recordings count from
that begin. Public reports say that another day than the asked one can come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from imports.results.file_scanning import milliseconds

# Any in this module: JSON of another service.
Json = dict[str, Any]

DAY: Final = timedelta(days=1)
_SECTIONS: Final = ("music", "custom_files", "cover_songs")
_OFFSETS: Final = ("sample_begin_time_offset_ms", "sample_end_time_offset_ms")
_FORMS: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ")


class OtherDay(Exception):
    """The plays are not those of the day that was asked for."""


def results_of_day(plays: Sequence[Json], day: date) -> Json:
    """Return the plays as results of a file from midnight to midnight, UTC.

    Raises ``OtherDay`` if a play lies outside of the day. Plays without a time or a
    recording are left out.
    """
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    sections: dict[str, list[Json]] = {}
    for play in plays:
        metadata = play.get("metadata", play)
        if not isinstance(metadata, dict):
            continue
        begin = _moment(metadata.get("timestamp_utc"))
        length_ms = milliseconds(metadata.get("played_duration"))
        if begin is None or not length_ms:
            continue
        end = begin + timedelta(milliseconds=length_ms)
        if end <= midnight or begin >= midnight + DAY:
            raise OtherDay
        for section in _SECTIONS:
            value = metadata.get(section)
            entries = value if isinstance(value, list) else [value]
            for entry in entries:
                if isinstance(entry, dict):
                    item = _item(entry, begin - midnight, length_ms)
                    sections.setdefault(section, []).append(item)
    return sections


def _item(entry: Json, at: timedelta, length_ms: int) -> Json:
    """Return a recording of a play as ACRCloud's File Scanning would report it."""
    at_ms = at // timedelta(milliseconds=1)
    cut_ms = max(0, -at_ms)
    moved = {
        name: value + at_ms
        for name in _OFFSETS
        if isinstance(value := entry.get(name), int) and not isinstance(value, bool)
    }
    # Without these the recording would seem to begin with the file.
    moved.setdefault(_OFFSETS[0], at_ms)
    day_ms = DAY // timedelta(milliseconds=1)
    end_ms = min(at_ms + length_ms, day_ms)
    return {
        "offset": (at_ms + cut_ms) / 1000,
        "played_duration": (end_ms - at_ms - cut_ms) / 1000,
        "score": entry.get("score"),
        "result": {**entry, **moved},
    }


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    for form in _FORMS:
        try:
            return datetime.strptime(value, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
