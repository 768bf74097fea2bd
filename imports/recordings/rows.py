"""Check one row of a catalogue import: its values and its faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.db.models import JSONField
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.common.reading import parse_clock
from base.common.table_text import (
    NameMarks,
    has_marks,
    read_day,
    read_share,
    split_list,
    split_names,
)
from base.common.territories import MEANT, territories_in, territory_code, why_no_territory
from catalogue.identifiers import BadIdentifier, check_isrc, check_iswc, check_upc
from catalogue.models import CodeStatus, Recording
from imports.errors import RowFault
from imports.reading_rules import FRACTION, ReadingRules

REQUIRED = ("custom_id", "title", "artists")
_APART = ("isrc", "upc", "iswc", "release_date")
_COLUMNS: dict[str, Any] = {  # Any: columns of several types
    name: Recording._meta.get_field(name) for name in Recording.DETAILS if name not in _APART
}
LISTS = tuple(name for name, column in _COLUMNS.items() if isinstance(column, JSONField))
_TEXTS = {name: column.max_length for name, column in _COLUMNS.items() if name not in LISTS}
OTHERS = {
    "audio": _("Audio"),
    "duration_ms": _("Duration in milliseconds"),
    "owner_share_pct": _("Owner share in percent"),
    "territories": _("Territories"),
    "tags": _("Tags"),
    "exclude": _("Exclusions"),
}
"""Columns of a table that are no column of a recording, by their labels."""
COLUMNS = (*dict.fromkeys((*REQUIRED, *Recording.DETAILS)), *OTHERS)
# Column names that other catalogues commonly use.
ALIASES = {"file": "audio", "audio_file": "audio", "id": "custom_id", "ean": "upc"}
# How spreadsheets show a long number: 1.23E+12.
_ROUNDED = re.compile(r"\d(?:[.,]\d{1,15})?[Ee]\+?\d{1,3}")
_WHOLE = re.compile(r"([0-9]{1,12})(?:[.,]0{1,6})?")
CLEAR = "[clear]"
"""A cell with this text deletes the value; an empty cell keeps it."""

_TIME = r"(\d{1,3}):([0-5]\d):([0-5]\d)\.(\d{3})"
_INTERVAL = re.compile(rf"{_TIME}\s*[-–]\s*{_TIME}\Z")
# What spreadsheet programs write where a formula failed.
_FAILED = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!)\Z")
_NEVER_CLEARED: dict[str, str | Promise] = {
    **dict.fromkeys(REQUIRED, _("A value is required.")),
    "audio": _("An import cannot remove audio."),
    "exclude": _("Remove exclusions on the recording's page, where you can give a reason."),
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
    details: Recording
    audio: str
    duration_ms: int | None
    filled: frozenset[str]
    """Columns with a value or ``CLEAR``; the row leaves the others unchanged."""
    cleared_data: frozenset[str] = frozenset()
    """Names in ``user_defined`` that ``CLEAR`` deletes."""
    excluded: tuple[Interval, ...] = ()
    faults: list[RowFault] = field(default_factory=list)
    warnings: list[RowFault] = field(default_factory=list)


def check_row(
    line: int, cells: Mapping[str, str], *, further: Mapping[str, str], rules: ReadingRules
) -> CheckedRow:
    """Check a row's cells by column; ``further`` are columns to keep as data, by name.

    Data may have the name of one of our columns. What cannot be read is left out with a
    warning; a row is refused only for what it cannot do without.
    """
    faults: list[RowFault] = []
    warnings: list[RowFault] = []
    stripped = {name: value.strip() for name, value in cells.items()}
    # Before cells are cleared, because some columns refuse ``CLEAR``.
    stripped = _readable(stripped, faults, warnings, never_cleared=_NEVER_CLEARED)
    further = _readable(further, faults, warnings, never_cleared={})
    faults += [
        RowFault(name, "", gettext("A value is required."))
        for name in REQUIRED
        if not stripped.get(name)
    ]
    cleared = {name for name, value in stripped.items() if value == CLEAR}
    cleared_data = {name for name, value in further.items() if value == CLEAR}
    values = {name: "" if name in cleared else value for name, value in stripped.items()}
    cells_of = _Cells(values, rules, faults, warnings)
    named: dict[str, Any] = {  # Any: texts and lists
        **{name: cells_of.text(name, limit) for name, limit in _TEXTS.items()},
        **{name: cells_of.names(name) for name in LISTS},
    }
    details = Recording(
        **named,
        isrc=cells_of.isrc(),
        upc=cells_of.code("upc", check_upc),
        iswc=cells_of.code("iswc", check_iswc),
        release_date=cells_of.day("release_date"),
        user_defined={
            **{name: value for name, value in further.items() if value != CLEAR},
            **cells_of.extra(),
        },
    )
    duration_ms = cells_of.duration("duration_ms")
    return CheckedRow(
        line=line,
        details=details,
        audio=values.get("audio", ""),
        duration_ms=duration_ms,
        filled=frozenset(
            name for name, value in stripped.items() if value and name not in cells_of.left_out
        ),
        cleared_data=frozenset(cleared_data | cleared & set(IN_DATA)),
        excluded=_excluded(values.get("exclude", ""), faults),
        faults=faults,
        warnings=warnings,
    )


def _readable(
    cells: Mapping[str, str],
    faults: list[RowFault],
    warnings: list[RowFault],
    *,
    never_cleared: Mapping[str, str | Promise],
) -> dict[str, str]:
    """Return the cells without what no spreadsheet and no person can have meant."""
    readable = {}
    for name, value in cells.items():
        if "\0" in value:
            rule = gettext("The value contained a NUL character, which is left out.")
            warnings.append(RowFault(name, value.replace("\0", "␀"), rule))
            value = value.replace("\0", "").strip()
        if _FAILED.match(value):
            rule = gettext("The spreadsheet shows an error in this cell. Correct the formula.")
            # A required value is missing then, which is a fault of its own.
            warnings.append(RowFault(name, value, rule))
            value = ""
        if value == CLEAR and name in never_cleared:
            faults.append(RowFault(name, value, str(never_cleared[name])))
        readable[name] = value
    return readable


@dataclass(slots=True)
class _Cells:
    """Reads the cells of a row; what cannot be read is ``left_out`` with a warning."""

    values: Mapping[str, str]
    rules: ReadingRules
    faults: list[RowFault]
    warnings: list[RowFault]
    left_out: set[str] = field(default_factory=set)

    def _warn(self, name: str, rule: str, value: str | None = None) -> None:
        cell = self.values.get(name, "") if value is None else value
        self.warnings.append(RowFault(name, cell, rule))

    def _leave_out(self, name: str, rule: str) -> None:
        self._warn(name, gettext("%(why)s The value is left out.") % {"why": rule})
        self.left_out.add(name)

    def text(self, name: str, limit: int) -> str:
        """Return a text; only an id must not be cut."""
        value = self.values.get(name, "")
        if name == "custom_id" and _ROUNDED.fullmatch(value):
            self._warn(name, _rounded())
        if len(value) <= limit:
            return value
        rule = gettext("At most %(limit)s characters.") % {"limit": limit}
        if name == "custom_id":
            self.faults.append(RowFault(name, value, rule))
        else:
            self._warn(name, gettext("%(why)s The rest is cut off.") % {"why": rule})
        return value[:limit]

    def names(self, name: str) -> list[str]:
        """Return the names in a cell."""
        value = self.values.get(name, "")
        if self.rules.names == NameMarks.BARS and NameMarks.MARKS in has_marks(value):
            rule = gettext(
                "Kept as one name. If these are several, choose how names are separated."
            )
            self._warn(name, rule)
        return split_names(value, self.rules.names)

    def isrc(self) -> str:
        """Return an ISRC; a malformed one is kept as given."""
        value = self.values.get("isrc", "")
        if check_isrc(value).status == CodeStatus.MALFORMED:
            rule = gettext(
                "Two letters, three letters or digits, seven digits. Kept as given, "
                "but not used for matching."
            )
            self._warn("isrc", rule)
        # The column's length; a malformed ISRC may have any.
        return value[:40]

    def code(self, name: str, check: Callable[[str], str]) -> str:
        """Return a code in its form; a wrong one would name another release or work."""
        value = self.values.get(name, "")
        try:
            return check(value)
        except BadIdentifier as error:
            text = str(error)
            why = f"{text[0].upper()}{text[1:]}."
            self._leave_out(name, _rounded() if _ROUNDED.fullmatch(value) else why)
            return ""

    def day(self, name: str) -> str:
        """Return a year, month or day."""
        value = self.values.get(name, "")
        day = read_day(value, self.rules.days) if value else ""
        if day is None:
            self._leave_out(name, gettext("Write a date as 2016-06-28 or 28.6.2016."))
        return day or ""

    def duration(self, name: str) -> int | None:
        """Return milliseconds, also of a length such as 3:05."""
        value = self.values.get(name, "")
        if not value:
            return None
        # ``int`` would also accept signs, spaces, underscores and other scripts' digits.
        if matched := _WHOLE.fullmatch(value):
            return int(matched[1])
        if (length := parse_clock(value)) is not None:
            return length
        self._leave_out(name, gettext("Write whole milliseconds, or 3:05."))
        return None

    def extra(self) -> dict[str, object]:
        """Return share, territories and tags, as far as they are given."""
        extra = {
            "owner_share_pct": self._share("owner_share_pct"),
            "territories": self._territories("territories"),
            "tags": self._tags("tags"),
        }
        return {name: value for name, value in extra.items() if value}

    def _share(self, name: str) -> str:
        value = self.values.get(name, "")
        if not value:
            return ""
        number = read_share(value, is_fraction=self.rules.shares == FRACTION)
        if number is None:
            self._leave_out(
                name,
                gettext("A number from 0 to 1.")
                if self.rules.shares == FRACTION
                else gettext("A number from 0 to 100."),
            )
            return ""
        if 0 < number < 1:
            self._warn(
                name,
                gettext(
                    "Read as less than one per cent. If a fraction is meant, choose how "
                    "shares are written."
                ),
            )
        return f"{number:f}"

    def _territories(self, name: str) -> list[str]:
        included, excluded = territories_in(self.values.get(name, ""))
        codes = {part: territory_code(part) for part in included}
        unknown = [part for part, code in codes.items() if not code]
        if unknown:
            self._leave_out(name, why_no_territory(unknown[0].upper()))
        elif excluded:
            # Without the exception, the recording would have more territories.
            self._leave_out(
                name, gettext("Only territories that count can be kept, and no exceptions.")
            )
        if name in self.left_out:
            return []
        meant = [f"{part} → {code}" for part, code in codes.items() if part in MEANT]
        if meant:
            self._warn(name, gettext("Read as %(codes)s.") % {"codes": ", ".join(meant)})
        return list(dict.fromkeys(codes.values()))

    def _tags(self, name: str) -> list[str]:
        value = self.values.get(name, "")
        parts = split_list(value)
        if "|" not in value:
            parts = re.split(r"[,;\r\n]", value)
        return [part.strip() for part in parts if part.strip()]


def _rounded() -> str:
    return gettext(
        "A spreadsheet has rounded this number. Give the column the format Text, and "
        "fill it in again."
    )


def _excluded(value: str, faults: list[RowFault]) -> tuple[Interval, ...]:
    """Return the intervals in order, without repetitions."""
    parsed: set[Interval] = set()
    for text in split_list(value):
        match = _INTERVAL.match(text)
        times = [int(part) for part in match.groups()] if match else [0] * 8
        start_ms, end_ms = _milliseconds(times[:4]), _milliseconds(times[4:])
        if match is None:
            rule = gettext("Write 00:00:00.000-00:00:08.000; separate several with |.")
            faults.append(RowFault("exclude", text, rule))
        elif end_ms <= start_ms:
            faults.append(RowFault("exclude", text, gettext("The end must be after the start.")))
        else:
            parsed.add((start_ms, end_ms))
    return tuple(sorted(parsed))


def _milliseconds(parts: Sequence[int]) -> int:
    hours, minutes, seconds, thousandths = parts
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths


class Overtaken(Exception):
    """Another process changed the catalogue; decide on the row again."""
