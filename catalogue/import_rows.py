"""Checks one row of a catalogue import: what it says, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from catalogue.identifiers import BadIdentifier, check_isrc, check_iswc, check_upc
from catalogue.models import CodeStatus
from catalogue.services import RecordingDetails

REQUIRED = ("custom_id", "title", "artists")
TEXTS = {
    "custom_id": 200,
    "title": 500,
    "version_title": 500,
    "album": 500,
    "label": 300,
    "notes": 4000,
}
LISTS = ("artists", "writers", "publishers")
COLUMNS = (
    *("custom_id", "title", "artists", "audio", "isrc", "upc", "iswc"),
    *("version_title", "album", "label", "release_date", "writers", "publishers"),
    *("duration_ms", "owner_share_pct", "territories", "tags", "notes", "exclude"),
)
ALIASES = {"file": "audio", "audio_file": "audio", "id": "custom_id", "ean": "upc"}
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?\Z")
_SPAN = re.compile(r"\d{1,3}:\d{2}:\d{2}\.\d{3}-\d{1,3}:\d{2}:\d{2}\.\d{3}\Z")
_COUNTRY = re.compile(r"(?:[A-Z]{2}|WW)\Z")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell, and what would be right."""

    column: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.column}: {self.rule} Got '{self.value[:80]}'."


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row as it was understood; with ``faults`` it is not imported."""

    line: int
    cells: Mapping[str, str]
    details: RecordingDetails
    audio: str
    duration_ms: int | None
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)


def columns_of(header: Sequence[str]) -> dict[int, str]:
    """Return which column of ours each position holds; unknown names are left out."""
    found: dict[int, str] = {}
    for position, given in enumerate(header):
        name = re.sub(r"[\s\-]+", "_", given.strip().lower())
        name = ALIASES.get(name, name)
        if name in COLUMNS and name not in found.values():
            found[position] = name
    return found


def unknown_columns(header: Sequence[str]) -> list[str]:
    """Return the names that mean nothing to us."""
    known = columns_of(header)
    return [
        name.strip()
        for position, name in enumerate(header)
        if position not in known and name.strip()
    ]


def check_row(
    line: int, cells: Mapping[str, str], *, further: Mapping[str, str]
) -> CheckedRow:
    """Read a row's cells by column; ``further`` are unknown columns to keep."""
    faults: list[Fault] = []
    warnings: list[Fault] = []
    told = {name: value.strip() for name, value in cells.items()}
    _check_required(told, faults)
    named: dict[str, Any] = {  # Any: texts and lists
        **{name: _text(told, name, limit, faults) for name, limit in TEXTS.items()},
        **{name: split_list(told.get(name, "")) for name in LISTS},
    }
    details = RecordingDetails(
        **named,
        isrc=_isrc(told.get("isrc", ""), warnings),
        upc=_code(check_upc, "upc", told, faults),
        iswc=_code(check_iswc, "iswc", told, faults),
        release_date=_date(told.get("release_date", ""), faults),
        user_defined={**further, **_extra(told, faults)},
    )
    _check_exclude(told.get("exclude", ""), faults, warnings)
    return CheckedRow(
        line=line,
        cells=cells,
        details=details,
        audio=told.get("audio", ""),
        duration_ms=_duration(told.get("duration_ms", ""), faults),
        faults=faults,
        warnings=warnings,
    )


def split_list(text: str) -> list[str]:
    r"""Return the items between ``|``; ``\|`` and ``\\`` stand for themselves."""
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


def _check_required(told: Mapping[str, str], faults: list[Fault]) -> None:
    faults += [
        Fault(name, "", "A value is required.")
        for name in REQUIRED
        if not told.get(name)
    ]
    faults += [
        Fault(name, value.replace("\0", "␀"), "The value holds a NUL character.")
        for name, value in told.items()
        if "\0" in value
    ]


def _text(told: Mapping[str, str], name: str, limit: int, faults: list[Fault]) -> str:
    value = told.get(name, "")
    if len(value) > limit:
        faults.append(Fault(name, value, f"At most {limit} characters."))
    return value


def _isrc(value: str, warnings: list[Fault]) -> str:
    if check_isrc(value).status == CodeStatus.MALFORMED:
        warnings.append(
            Fault(
                "isrc",
                value,
                "Two letters, three letters or digits, seven digits. Kept as it is, "
                "and not used for matching.",
            )
        )
    return value[:40]


def _code(
    check: Callable[[str], str],
    name: str,
    told: Mapping[str, str],
    faults: list[Fault],
) -> str:
    value = told.get(name, "")
    try:
        return check(value)
    except BadIdentifier as error:
        faults.append(Fault(name, value, f"{str(error)[0].upper()}{str(error)[1:]}."))
        return ""


def _date(value: str, faults: list[Fault]) -> str:
    if not value:
        return ""
    found = _DATE.match(value)
    if found is not None and _is_day(*found.groups(default="01")):
        return value
    faults.append(Fault("release_date", value, "2016, 2016-06 or 2016-06-28."))
    return ""


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _duration(value: str, faults: list[Fault]) -> int | None:
    if not value:
        return None
    if value.isascii() and value.isdigit() and len(value) <= 12:
        return int(value)
    faults.append(Fault("duration_ms", value, "Whole milliseconds."))
    return None


def _extra(told: Mapping[str, str], faults: list[Fault]) -> dict[str, object]:
    """Return share, territories and tags where they are given."""
    extra: dict[str, object] = {}
    if share := told.get("owner_share_pct", ""):
        extra["owner_share_pct"] = _share(share, faults)
    if territories := [one.upper() for one in split_list(told.get("territories", ""))]:
        faults += [
            Fault("territories", one, "Two-letter country codes, or WW.")
            for one in territories
            if not _COUNTRY.match(one)
        ]
        extra["territories"] = territories
    if tags := split_list(told.get("tags", "")):
        extra["tags"] = tags
    return extra


def _share(value: str, faults: list[Fault]) -> str:
    try:
        share = Decimal(value)
    except InvalidOperation:
        share = Decimal(-1)
    if not share.is_finite() or not 0 <= share <= 100:
        faults.append(Fault("owner_share_pct", value, "A number from 0 to 100."))
    return value


def _check_exclude(value: str, faults: list[Fault], warnings: list[Fault]) -> None:
    spans = split_list(value)
    faults += [
        Fault("exclude", span, "00:00:00.000-00:00:08.000, several separated by |.")
        for span in spans
        if not _SPAN.match(span)
    ]
    if spans and not faults:
        warnings.append(
            Fault(
                "exclude",
                value,
                "Excluded stretches are not imported yet; add them "
                "on the recording's page.",
            )
        )
