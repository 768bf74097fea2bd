"""Reads tables of ACRCloud's file scan tools: one row per window, CSV or JSON.

Columns are those of ``export_to_csv`` in
github.com/acrcloud/acrcloud_scan_files_python3 (acrscan/acrscan.py,
acrscan/models/base_model.py), and of the earlier tool in
github.com/acrcloud/acrcloud_scan_files_python, which names its files after the scanned
file. Three quirks are corrected: times restart after 24 hours, failed requests look
like empty rows, and lists are joined with ``|##|``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from django.utils.translation import gettext as _

from imports.errors import RowFault
from imports.names import compared
from imports.results.found import FAILED, NO_RESULT, READY, FoundFile, Json, ResultFault

WINDOW_MS = 10_000
DAY_MS = 86_400_000
_OK, _NOTHING = frozenset({"", "0"}), frozenset({"1001", "2006"})
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d):([0-5]\d)$")
_RESULT_NAME = re.compile(r"^result-(.+)\.csv$")
# Column names of the earlier tool, with those of the later tool.
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
KNOWN_NAMES = frozenset(
    map(
        compared,
        (
            *_ALIASES,
            *_ALIASES.values(),
            *("filename", "title", "artists_names", "album", "label", "isrc", "upc"),
            *("acrid", "audio_id", "bucket_id", "status_code", "played_duration_ms"),
            *("custom_files_title", "duration_ms", "release_date", "score"),
        ),
    )
)
"""Names that show which row of a table is the header."""

Row = Mapping[str, str]


@dataclass(slots=True)
class _File:
    """The rows of one file so far."""

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
    """Return the column names as in the later tool."""
    plain = [name.strip().lower() for name in header]
    return [_ALIASES.get(name, name) for name in plain]


def is_scan_tool(names: Iterable[str]) -> bool:
    """Tell whether these are columns of one of the tools."""
    columns = set(names)
    return columns.issuperset(_NEEDED) and bool(columns & {"acrid", "audio_id"})


def name_of_table(file_name: str) -> str:
    """Return the name of the scanned file from the table's own name."""
    bare = PurePath(file_name).name
    named = _RESULT_NAME.match(bare)
    return named.group(1) if named else bare


def read_rows(
    rows: Iterable[tuple[int, Row]], *, table_name: str
) -> Iterator[FoundFile | ResultFault]:
    """Yield the files in order of appearance, and faults."""
    files: dict[str, _File] = {}
    otherwise = name_of_table(table_name)
    for line, row in rows:
        name = PurePath(row.get("filename", "").strip() or otherwise).name
        file = files.setdefault(name, _File(line, name))
        try:
            _take(file, row)
        except RowFault as fault:
            yield ResultFault(line, fault.column, fault.rule)
    for file in files.values():
        heard = bool(file.music or file.custom)
        state = READY if heard else NO_RESULT
        # Every window failed, so "no match" would be wrong.
        if not heard and not file.nothing:
            state = FAILED
        yield FoundFile(
            line=file.line,
            name=file.name,
            state=state,
            results={"music": file.music, "custom_files": file.custom},
            duration_ms=file.end_ms,
            unmatched=sorted(
                [*file.nothing, *file.failed], key=lambda interval: interval["start_ms"]
            ),
        )


def _take(file: _File, row: Row) -> None:
    start = _time(file, row)
    end = start + (_number(row, "played_duration_ms") or WINDOW_MS)
    file.end_ms = max(file.end_ms, end)
    code = row.get("status_code", "").strip()
    interval = {"start_ms": start, "end_ms": end}
    title, custom = row.get("title", "").strip(), row.get("custom_files_title", "")
    # A failed request is not a window without a match.
    if code not in _OK | _NOTHING:
        file.failed.append({**interval, "kind": "not_scanned"})
    elif code in _NOTHING or not (title or custom):
        file.nothing.append({**interval, "kind": "no_match"})
    else:
        if title:
            section = file.custom if "bucket_id" in row else file.music
            section.append(_entry(row, title, start, end))
        if custom:
            file.custom.append(_entry({"audio_id": row.get("audio_id", "")}, custom, start, end))


def _time(file: _File, row: Row) -> int:
    """Return the row's start; a clock that jumps back has passed midnight."""
    text = row.get("start_time_ms", "").strip()
    clock = _CLOCK.match(text)
    if clock is None:
        number = _number(row, "start_time_ms")
        if number is None:
            raise RowFault("start_time_ms", text, _("There is no time."))
        return number
    hours, minutes, seconds = map(int, clock.groups())
    time_ms = 1000 * (3600 * hours + 60 * minutes + seconds)
    if time_ms < file.clock - DAY_MS // 2:
        file.days += 1
    file.clock = time_ms
    return time_ms + file.days * DAY_MS


def _entry(row: Row, title: str, start: int, end: int) -> Json:
    """Return one entry as the API would; its times refer to the file."""
    begin = _number(row, "sample_begin_time_offset_ms") or 0
    artists = map(str.strip, row.get("artists_names", "").split("|##|"))
    # Unmerged rows start with their window; the sound starts later.
    is_window = end - start == WINDOW_MS and start % WINDOW_MS == 0
    result: dict[str, Any] = {
        "title": title,
        "acrid": row.get("acrid", "").strip(),
        "artists": [{"name": name} for name in artists if name],
        "album": {"name": row.get("album", "").strip()},
        "label": row.get("label", "").strip(),
        "release_date": row.get("release_date", "").strip(),
        "external_ids": {name: row[name].strip() for name in ("isrc", "upc") if row.get(name)},
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
    entry = {"offset": start / 1000, "played_duration": (end - start) / 1000, "result": result}
    return entry | ({"score": score} if score else {})


def _number(row: Row, column: str) -> int | None:
    text = row.get(column, "").strip()
    if text in ("", "None"):
        return None
    try:
        number = round(float(text))
    except (ValueError, OverflowError) as error:
        raise RowFault(
            column, text, _("'%(text)s' is not a number.") % {"text": text[:40]}
        ) from error
    if not 0 <= number < 1000 * DAY_MS:
        raise RowFault(column, text, _("'%(text)s' is not a valid time.") % {"text": text[:40]})
    return number
