"""Check one row of a catalogue import: its values and its faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalogue.identifiers import BadIdentifier, check_isrc, check_iswc, check_upc
from catalogue.models import CodeStatus
from catalogue.services import RecordingDetails
from common.table_text import read_percent, without_clock
from common.territories import TERRITORIES, why_no_territory
from imports.errors import RowFault
from imports.tables import split_list

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
    "custom_id",
    "title",
    "artists",
    "audio",
    "isrc",
    "upc",
    "iswc",
    "version_title",
    "album",
    "label",
    "release_date",
    "writers",
    "publishers",
    "duration_ms",
    "owner_share_pct",
    "territories",
    "tags",
    "notes",
    "exclude",
)
# Column names that other catalogues commonly use.
ALIASES = {"file": "audio", "audio_file": "audio", "id": "custom_id", "ean": "upc"}
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?\Z")
CLEAR = "[clear]"
"""A cell with this text deletes the value; an empty cell keeps it."""

_TIME = r"(\d{1,3}):([0-5]\d):([0-5]\d)\.(\d{3})"
_INTERVAL = re.compile(rf"{_TIME}\s*[-–]\s*{_TIME}\Z")
# What spreadsheet programs write where a formula failed.
_FAILED = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!)\Z")
_NEVER_CLEARED: dict[str, str | Promise] = {
    **dict.fromkeys(REQUIRED, _("A value is required.")),
    "audio": _("An import cannot remove audio."),
    "exclude": _(
        "Remove exclusions on the recording's page, where you can give a reason."
    ),
}
CLEARABLE = frozenset(COLUMNS) - _NEVER_CLEARED.keys() - {"duration_ms"}
"""Columns whose values can be removed; the duration is that of the audio."""
IN_DATA = ("owner_share_pct", "territories", "tags")
"""Columns that are stored in a recording's ``user_defined``."""


Interval: TypeAlias = tuple[int, int]
"""Start and end in milliseconds."""


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A parsed row; with ``faults`` it is not imported."""

    line: int
    details: RecordingDetails
    audio: str
    duration_ms: int | None
    given: frozenset[str]
    """Columns with a value or ``CLEAR``; the row leaves the others unchanged."""
    cleared_data: frozenset[str] = frozenset()
    """Names in ``user_defined`` that ``CLEAR`` deletes."""
    excluded: tuple[Interval, ...] = ()
    faults: list[RowFault] = field(default_factory=list)
    warnings: list[RowFault] = field(default_factory=list)


def check_row(
    line: int, cells: Mapping[str, str], *, further: Mapping[str, str]
) -> CheckedRow:
    """Check a row's cells by column; ``further`` are columns to keep as data, by name.

    Data may have the name of one of our columns.
    """
    faults: list[RowFault] = []
    warnings: list[RowFault] = []
    given = {name: value.strip() for name, value in cells.items()}
    # Before cells are cleared, because some columns refuse ``CLEAR``.
    _check_cells(given, faults, never_cleared=_NEVER_CLEARED)
    _check_cells(further, faults, never_cleared={})
    faults += [
        RowFault(name, "", gettext("A value is required."))
        for name in REQUIRED
        if not given.get(name)
    ]
    cleared = {name for name, value in given.items() if value == CLEAR}
    cleared_data = {name for name, value in further.items() if value == CLEAR}
    values = {name: "" if name in cleared else value for name, value in given.items()}
    named: dict[str, Any] = {  # Any: texts and lists
        **{name: _text(values, name, limit, faults) for name, limit in TEXTS.items()},
        **{name: split_list(values.get(name, "")) for name in LISTS},
    }
    details = RecordingDetails(
        **named,
        isrc=_isrc(values.get("isrc", ""), warnings),
        upc=_code(check_upc, "upc", values, faults),
        iswc=_code(check_iswc, "iswc", values, faults),
        release_date=_date(values.get("release_date", ""), faults),
        user_defined={
            **{name: value for name, value in further.items() if value != CLEAR},
            **_extra(values, faults),
        },
    )
    return CheckedRow(
        line=line,
        details=details,
        audio=values.get("audio", ""),
        duration_ms=_duration(values.get("duration_ms", ""), faults),
        given=frozenset(name for name, value in given.items() if value),
        cleared_data=frozenset(cleared_data | cleared & set(IN_DATA)),
        excluded=_excluded(values.get("exclude", ""), faults),
        faults=faults,
        warnings=warnings,
    )


def _check_cells(
    given: Mapping[str, str],
    faults: list[RowFault],
    *,
    never_cleared: Mapping[str, str | Promise],
) -> None:
    for name, value in given.items():
        if "\0" in value:
            rule = gettext("The value contains a NUL character.")
            faults.append(RowFault(name, value.replace("\0", "␀"), rule))
        if _FAILED.match(value):
            rule = gettext(
                "The spreadsheet shows an error in this cell. Correct the formula."
            )
            faults.append(RowFault(name, value, rule))
        if value == CLEAR and name in never_cleared:
            faults.append(RowFault(name, value, str(never_cleared[name])))


def _text(
    values: Mapping[str, str], name: str, limit: int, faults: list[RowFault]
) -> str:
    value = values.get(name, "")
    if len(value) > limit:
        faults.append(
            RowFault(
                name, value, gettext("At most %(limit)s characters.") % {"limit": limit}
            )
        )
    return value


def _isrc(value: str, warnings: list[RowFault]) -> str:
    if check_isrc(value).status == CodeStatus.MALFORMED:
        warnings.append(
            RowFault(
                "isrc",
                value,
                gettext(
                    "Two letters, three letters or digits, seven digits. Kept as given, "
                    "but not used for matching."
                ),
            )
        )
    # The column's length; a malformed ISRC may have any.
    return value[:40]


def _code(
    check: Callable[[str], str],
    name: str,
    values: Mapping[str, str],
    faults: list[RowFault],
) -> str:
    value = values.get(name, "")
    try:
        return check(value)
    except BadIdentifier as error:
        faults.append(
            RowFault(name, value, f"{str(error)[0].upper()}{str(error)[1:]}.")
        )
        return ""


def _date(value: str, faults: list[RowFault]) -> str:
    if not value:
        return ""
    day = without_clock(value)
    found = _DATE.match(day)
    if found is not None:
        with suppress(ValueError):
            date(*map(int, found.groups(default="01")))
            return day
    faults.append(RowFault("release_date", value, "2016, 2016-06 or 2016-06-28."))
    return ""


def _duration(value: str, faults: list[RowFault]) -> int | None:
    if not value:
        return None
    # ``int`` would also accept signs, spaces, underscores and other scripts' digits.
    if value.isascii() and value.isdigit() and len(value) <= 12:
        return int(value)
    faults.append(RowFault("duration_ms", value, gettext("Whole milliseconds.")))
    return None


def _extra(values: Mapping[str, str], faults: list[RowFault]) -> dict[str, object]:
    """Return share, territories and tags, as far as they are given."""
    extra: dict[str, object] = {}
    if share := values.get("owner_share_pct", ""):
        number = read_percent(share)
        if number is None:
            rule = gettext("A number from 0 to 100.")
            faults.append(RowFault("owner_share_pct", share, rule))
        extra["owner_share_pct"] = share if number is None else f"{number:f}"
    if territories := [
        code.upper() for code in split_list(values.get("territories", ""))
    ]:
        faults += [
            RowFault("territories", code, why_no_territory(code))
            for code in territories
            if code not in TERRITORIES and code != "WW"
        ]
        extra["territories"] = territories
    if tags := split_list(values.get("tags", "")):
        extra["tags"] = tags
    return extra


def _excluded(value: str, faults: list[RowFault]) -> tuple[Interval, ...]:
    """Return the intervals in order, without repetitions."""
    found: set[Interval] = set()
    for text in split_list(value):
        match = _INTERVAL.match(text)
        times = [int(part) for part in match.groups()] if match else [0] * 8
        start_ms, end_ms = _milliseconds(times[:4]), _milliseconds(times[4:])
        if match is None:
            rule = gettext("Write 00:00:00.000-00:00:08.000; separate several with |.")
            faults.append(RowFault("exclude", text, rule))
        elif end_ms <= start_ms:
            faults.append(
                RowFault("exclude", text, gettext("The end must be after the start."))
            )
        else:
            found.add((start_ms, end_ms))
    return tuple(sorted(found))


def _milliseconds(parts: Sequence[int]) -> int:
    hours, minutes, seconds, thousandths = parts
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths


class Overtaken(Exception):
    """Another process changed the catalogue; decide on the row again."""
