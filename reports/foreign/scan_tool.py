"""Reads what ACRCloud's file scan tools write: a row per window, as CSV or JSON.

Columns are those of ``export_to_csv`` in github.com/acrcloud/acrcloud_scan_files_python3
(acrscan/acrscan.py, acrscan/models/base_model.py), and of the earlier tool in
github.com/acrcloud/acrcloud_scan_files_python, whose files are named after what they
are about. Three habits of theirs are put right: times begin anew after 24 hours, a
failed request looks like an empty row, and lists are joined by ``|##|``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from reports.foreign.errors import Fault
from reports.foreign.found import FAILED, NO_RESULT, READY, FoundFile, Json

WINDOW_MS = 10_000
DAY_MS = 86_400_000
_OK, _NOTHING = frozenset({"", "0"}), frozenset({"1001", "2006"})
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)$")
_RESULT_NAME = re.compile(r"^result-(.+)\.csv$")
# Names of the earlier tool and what the later one calls the same.
_ALIASES = {
    "time": "start_time_ms",
    "timestamp": "start_time_ms",
    "artists": "artists_names",
    "play offset(ms)": "play_offset_ms",
    "dezzer": "deezer_id",
    "spotify": "spotify_id",
    "youtube": "youtube_id",
}
_NEEDED = ("start_time_ms", "title")

Row = Mapping[str, str]


class BadRow(Exception):
    """A row that cannot be read: the column and why."""

    def __init__(self, column: str, message: str) -> None:
        self.column = column
        super().__init__(message)


@dataclass(slots=True)
class _File:
    """What the rows of one file have told so far."""

    line: int
    name: str
    clock: int = 0
    days: int = 0
    music: list[Json] = field(default_factory=list)
    custom: list[Json] = field(default_factory=list)
    nothing: list[Json] = field(default_factory=list)
    failed: list[Json] = field(default_factory=list)
    end_ms: int = 0


def column_names(header: Iterable[str]) -> list[str]:
    """Return the names of the columns as the later tool calls them."""
    plain = [name.strip().lower() for name in header]
    return [_ALIASES.get(name, name) for name in plain]


def is_scan_tool(names: Iterable[str]) -> bool:
    """Tell whether a table with these columns is one of the tools'."""
    given = set(names)
    return given.issuperset(_NEEDED) and bool(given & {"acrid", "audio_id"})


def name_of_table(file_name: str) -> str:
    """Return what a table without file names is about: its own name says so."""
    bare = PurePath(file_name).name
    named = _RESULT_NAME.match(bare)
    return named.group(1) if named else bare


def read_rows(
    rows: Iterable[tuple[int, Row]], *, table_name: str
) -> Iterator[FoundFile | Fault]:
    """Yield the files of the rows in order of appearance, and what cannot be read."""
    files: dict[str, _File] = {}
    otherwise = name_of_table(table_name)
    for line, row in rows:
        name = PurePath(row.get("filename", "").strip() or otherwise).name
        file = files.setdefault(name, _File(line, name))
        try:
            _take(file, row)
        except BadRow as bad:
            yield Fault(line, bad.column, str(bad))
    for file in files.values():
        yield _found(file)


def _take(file: _File, row: Row) -> None:
    start = _time(file, row)
    end = start + (_number(row, "played_duration_ms") or WINDOW_MS)
    file.end_ms = max(file.end_ms, end)
    code = row.get("status_code", "").strip()
    span = {"start_ms": start, "end_ms": end}
    title, custom = row.get("title", "").strip(), row.get("custom_files_title", "")
    if code not in _OK | _NOTHING:
        file.failed.append({**span, "kind": "not_scanned"})
    elif code in _NOTHING or not (title or custom):
        file.nothing.append({**span, "kind": "no_match"})
    else:
        if title:
            section = file.custom if "bucket_id" in row else file.music
            section.append(_entry(row, title, start, end))
        if custom:
            file.custom.append(
                _entry({"audio_id": row.get("audio_id", "")}, custom, start, end)
            )


def _time(file: _File, row: Row) -> int:
    """Return where the row begins; a clock that goes back has passed midnight."""
    text = row.get("start_time_ms", "").strip()
    clock = _CLOCK.match(text)
    if clock is None:
        number = _number(row, "start_time_ms")
        if number is None:
            raise BadRow("start_time_ms", "There is no time.")
        return number
    hours, minutes, seconds = map(int, clock.groups())
    told = 1000 * (3600 * hours + 60 * minutes + seconds)
    if told < file.clock - DAY_MS // 2:
        file.days += 1
    file.clock = told
    return told + file.days * DAY_MS


def _entry(row: Row, title: str, start: int, end: int) -> Json:
    """Return one entry as the API would give it; its times are those of the file."""
    begin = _number(row, "sample_begin_time_offset_ms") or 0
    # Rows that were not merged begin with their window, and the sound later.
    is_window = end - start == WINDOW_MS and start % WINDOW_MS == 0
    result: dict[str, Any] = {
        "title": title,
        "acrid": row.get("acrid", "").strip(),
        "artists": [{"name": name} for name in _names(row.get("artists_names", ""))],
        "album": {"name": row.get("album", "").strip()},
        "label": row.get("label", "").strip(),
        "release_date": row.get("release_date", "").strip(),
        "external_ids": {
            name: row[name].strip() for name in ("isrc", "upc") if row.get(name)
        },
        "duration_ms": _number(row, "duration_ms") or 0,
        "sample_begin_time_offset_ms": start + begin if is_window else start,
        "db_begin_time_offset_ms": _number(row, "db_begin_time_offset_ms")
        or _number(row, "play_offset_ms")
        or 0,
    }
    for name in ("audio_id", "bucket_id"):
        if row.get(name):
            result[name] = row[name].strip()
    score = row.get("score", "").strip()
    entry = {
        "offset": start / 1000,
        "played_duration": (end - start) / 1000,
        "result": result,
    }
    return entry | ({"score": score} if score else {})


def _found(file: _File) -> FoundFile:
    heard = bool(file.music or file.custom)
    state = READY if heard else NO_RESULT
    if not heard and not file.nothing:
        state = FAILED
    return FoundFile(
        line=file.line,
        name=file.name,
        state=state,
        results={"music": file.music, "custom_files": file.custom},
        duration_ms=file.end_ms,
        stretches=sorted(
            [*file.nothing, *file.failed], key=lambda span: span["start_ms"]
        ),
    )


def _names(text: str) -> list[str]:
    parts = text.split("|##|") if "|##|" in text else [text]
    return [part.strip() for part in parts if part.strip()]


def _number(row: Row, column: str) -> int | None:
    text = row.get(column, "").strip()
    if text in ("", "None"):
        return None
    try:
        number = round(float(text))
    except (ValueError, OverflowError) as error:
        raise BadRow(column, f"'{text[:40]}' is not a number.") from error
    if not 0 <= number < 1000 * DAY_MS:
        raise BadRow(column, f"'{text[:40]}' is no time of a file.")
    return number
