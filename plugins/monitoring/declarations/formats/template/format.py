"""A CSV file whose columns the user maps, for societies whose layout is not public."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, BinaryIO, Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.common.csv_safety import guard
from plugins.monitoring.declarations.facts import DeclarationFacts
from plugins.monitoring.declarations.formats import registry
from plugins.monitoring.declarations.formats.base import (
    BadOptions,
    MissingValue,
    ValueSubject,
    WrittenDeclaration,
)
from plugins.monitoring.declarations.formats.checks import refuse_gaps
from plugins.monitoring.declarations.formats.texts import in_ascii, name_part
from plugins.monitoring.declarations.formats.values import VALUES, ClockTime, DayOf, Plain, Row

MOST_COLUMNS: Final = 200
_MOST_CHARS: Final = 300
_LINE = re.compile(r"(?P<heading>(?:.*?\S)?)\s*+=\s*+(?P<value>\"[^\"]*\"|\w*+)\s*+(?P<must>!?)$")
_BREAKS = re.compile(r"[\r\n\0]+")

CHOICES: Final[Mapping[str, Mapping[str, str | Promise]]] = {
    "separator": {
        "comma": gettext_lazy("Comma"),
        "semicolon": gettext_lazy("Semicolon"),
        "tab": gettext_lazy("Tab"),
        "bar": gettext_lazy("Vertical bar"),
    },
    "quotes": {
        "where_needed": gettext_lazy("Where needed"),
        "always": gettext_lazy("Always"),
        "never": gettext_lazy("Never; separators in texts become spaces"),
    },
    "decimal": {"point": "1.5", "comma": "1,5"},
    "date_format": {
        "%Y-%m-%d": "2026-11-03",
        "%Y%m%d": "20261103",
        "%d.%m.%Y": "03.11.2026",
        "%d/%m/%Y": "03/11/2026",
        "%m/%d/%Y": "11/03/2026",
    },
    "time_format": {"%H:%M:%S": "07:15:04", "%H:%M": "07:15", "%H%M%S": "071504"},
    "length_format": {"hours": "00:03:12", "minutes": "03:12", "seconds": "192", "iso": "PT3M12S"},
    "list_separator": {"bar": "A | B", "comma": "A, B", "semicolon": "A; B"},
    "encoding": {
        "utf-8": "UTF-8",
        "utf-8-sig": gettext_lazy("UTF-8 with byte order mark"),
        "cp1252": "Windows-1252",
        "iso-8859-1": "ISO 8859-1",
        "utf-16": "UTF-16",
    },
    "line_end": {"crlf": "CRLF", "lf": "LF"},
}
"""The options with a choice; the first one is the default."""
SWITCHES: Final[Mapping[str, bool]] = {"header": True, "formula_safe": True}
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_LISTS = {"bar": "|", "comma": ", ", "semicolon": "; "}
_QUOTES: Final[Mapping[str, Literal[0, 1, 3]]] = {
    "where_needed": csv.QUOTE_MINIMAL,
    "always": csv.QUOTE_ALL,
    "never": csv.QUOTE_NONE,
}


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """A column: its heading, a value by name or a fixed text, and whether it must be there."""

    heading: str
    value: str
    fixed: str
    is_mandatory: bool


def read_columns(text: str) -> tuple[TemplateColumn, ...]:
    """Read columns, one a line: ``Heading = value``, ``!`` behind what is mandatory.

    A fixed text stands in double quotes; nothing behind the sign is an empty column.
    Raises ``BadOptions``.
    """
    columns = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.match(line.strip()[: 2 * _MOST_CHARS])
        if match is None or "\0" in line:
            raise BadOptions(
                "columns",
                _(
                    "Line %(number)d cannot be read. Write a heading, an "
                    "equals sign and the name of a value."
                )
                % {"number": number},
            )
        value = match["value"]
        fixed = value[1:-1] if value.startswith('"') else ""
        name = "" if value.startswith('"') else value
        if name and name not in VALUES:
            raise BadOptions(
                "columns",
                _("Line %(number)d asks for “%(name)s”, which is not in the list of values.")
                % {"number": number, "name": name},
            )
        columns.append(TemplateColumn(match["heading"], name, fixed, bool(match["must"])))
    if not columns:
        raise BadOptions("columns", _("Enter at least one column."))
    if len(columns) > MOST_COLUMNS:
        raise BadOptions(
            "columns", _("A file may have at most %(most)d columns.") % {"most": MOST_COLUMNS}
        )
    return tuple(columns)


def read_options(raw_options: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return complete options; raise ``BadOptions`` for wrong or unknown ones."""
    option_names = {"columns", "file_name", *CHOICES, *SWITCHES}
    if unknown := sorted(set(raw_options) - option_names):
        raise BadOptions(unknown[0], _("This option is not known."))
    columns = raw_options.get("columns", "")
    if not isinstance(columns, str):
        raise BadOptions("columns", _("Write one column per line."))
    read_columns(columns)
    options: dict[str, Any] = {"columns": columns}
    for name, choices in CHOICES.items():
        options[name] = raw_options.get(name) or next(iter(choices))
        if options[name] not in choices:
            raise BadOptions(name, _("Choose one of the values."))
    for name, usual in SWITCHES.items():
        options[name] = raw_options.get(name, usual)
        if not isinstance(options[name], bool):
            raise BadOptions(name, _("Say yes or no."))
    options["file_name"] = str(raw_options.get("file_name") or "")[:100]
    commas = (options["separator"], options["decimal"], options["quotes"])
    if commas == ("comma", "comma", "never"):
        raise BadOptions("decimal", _("Decimal commas need quotes, or another separator."))
    return options


class TemplateDeclaration:
    """Writes one row per play in the columns of the options."""

    key = "template"
    version = "template/1"
    media_type = "text/csv"
    label = gettext_lazy("Own columns (CSV)")

    def __init__(self, options: Mapping[str, Any]) -> None:  # Any: JSON
        """Read the options; raise ``BadOptions``."""
        self.options = read_options(options)
        self.columns = read_columns(self.options["columns"])

    def gaps(self, facts: DeclarationFacts) -> Iterator[MissingValue]:
        """Yield empty mandatory cells, and texts that the encoding cannot hold."""
        seen: set[tuple[str, str, str]] = set()
        for row in _rows(facts):
            for column in self.columns:
                why = self._why_missing(column, row)
                if not why:
                    continue
                value = VALUES[column.value] if column.value else None
                subject = value.subject if value else ValueSubject.PROFILE
                uid = value.uid_of(row) if value else ""
                if (subject, uid, column.heading) not in seen:
                    seen.add((subject, uid, column.heading))
                    yield MissingValue(subject, uid, column.heading, why)

    def _why_missing(self, column: TemplateColumn, row: Row) -> str:
        text = self._text(column, row, Counter())
        if column.is_mandatory and not text:
            return _("“%(heading)s” is empty.") % {"heading": column.heading}
        try:
            text.encode(self.options["encoding"])
        except UnicodeEncodeError as error:
            return _(
                "“%(heading)s” contains “%(sign)s”, which cannot be written in %(encoding)s."
            ) % {
                "heading": column.heading,
                "sign": text[error.start : error.start + 1],
                "encoding": CHOICES["encoding"][self.options["encoding"]],
            }
        return ""

    def file_name(self, facts: DeclarationFacts) -> str:
        """Return the name in the options or the service, with the period."""
        base_name = self.options["file_name"] or facts.service
        name = name_part(in_ascii(base_name).text)
        ending = "tsv" if self.options["separator"] == "tab" else "csv"
        return f"{name or 'declaration'}_{facts.begins}_{facts.ends}.{ending}"

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        """Write the header, if it is wanted, and one row per play."""
        refuse_gaps(self, facts)
        text = io.TextIOWrapper(target, self.options["encoding"], newline="")
        quotes = _QUOTES[self.options["quotes"]]
        writer = csv.writer(
            text,
            delimiter=_SEPARATORS[self.options["separator"]],
            quoting=quotes,
            # Without quotes, a quotation mark is a character like any other.
            quotechar=None if quotes == csv.QUOTE_NONE else '"',
            lineterminator="\r\n" if self.options["line_end"] == "crlf" else "\n",
        )
        lines, played_ms = 0, 0
        changes: Counter[str] = Counter()
        if self.options["header"]:
            writer.writerow(
                [self._fitting(column.heading, column, changes) for column in self.columns]
            )
            lines += 1
        for row in _rows(facts):
            writer.writerow([self._text(column, row, changes) for column in self.columns])
            lines += 1
            played_ms += row.play.played_ms
        text.flush()
        text.detach()
        return WrittenDeclaration(
            plays=len(facts.plays),
            played_ms=played_ms,
            recordings=len({play.recording for play in facts.plays}),
            lines=lines,
            changed=tuple(_sentences(changes)),
        )

    def _text(self, column: TemplateColumn, row: Row, changes: Counter[str]) -> str:
        if not column.value:
            return self._fitting(column.fixed, column, changes)
        value = VALUES[column.value].read(row)
        text = self._written(value)
        # Only texts of people can be taken for formulas or hold separators.
        if isinstance(value, str | tuple) or self.options["quotes"] == "never":
            return self._fitting(text, column, changes)
        return text

    def _fitting(self, text: str, column: TemplateColumn, changes: Counter[str]) -> str:
        fitting = _BREAKS.sub(" ", text)
        if self.options["quotes"] == "never":
            fitting = fitting.replace(_SEPARATORS[self.options["separator"]], " ")
        if fitting != text:
            changes[column.heading] += 1
        return guard(fitting) if self.options["formula_safe"] else fitting

    def _written(self, value: Plain) -> str:
        options = self.options
        if value is None:
            return ""
        if isinstance(value, tuple):
            return _LISTS[options["list_separator"]].join(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, timedelta):
            return _length(value, options["length_format"])
        if isinstance(value, Decimal):
            point = "," if options["decimal"] == "comma" else "."
            return f"{value:f}".replace(".", point)
        return self._written_time(value)

    def _written_time(self, value: str | int | date | datetime | ClockTime | DayOf) -> str:
        if isinstance(value, ClockTime):
            return value.at.strftime(self.options["time_format"])
        if isinstance(value, DayOf):
            return value.at.strftime(self.options["date_format"])
        if isinstance(value, datetime):
            return value.isoformat(timespec="seconds")
        if isinstance(value, date):
            return value.strftime(self.options["date_format"])
        return str(value)


def _length(length: timedelta, form: str) -> str:
    """Return a length in whole seconds; half a second counts as one."""
    total = (length // timedelta(milliseconds=1) + 500) // 1000
    if form == "seconds":
        return str(total)
    minutes, seconds = divmod(total, 60)
    if form == "minutes":
        return f"{minutes:02d}:{seconds:02d}"
    hours, minutes = divmod(minutes, 60)
    if form == "hours":
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}"
    parts = f"{hours}H" if hours else ""
    parts += f"{minutes}M" if minutes else ""
    return f"PT{parts}{seconds}S" if seconds or not parts else f"PT{parts}"


def _rows(facts: DeclarationFacts) -> Iterator[Row]:
    recordings = {recording.uid: recording for recording in facts.recordings}
    stations = {station.uid: station for station in facts.stations}
    for play in facts.plays:
        yield Row(facts, play, recordings[play.recording], stations[play.station])


def _sentences(changes: Mapping[str, int]) -> Sequence[str]:
    return [
        _("Separators or line breaks in “%(heading)s” became spaces (count: %(count)d).")
        % {"heading": heading, "count": count}
        for heading, count in changes.items()
    ]


registry.register(
    registry.Entry(
        TemplateDeclaration.key,
        TemplateDeclaration.label,
        TemplateDeclaration.version,
        gettext_lazy("Rows are plays, with the columns that the profile names."),
        TemplateDeclaration,
        read_options,
        rank=80,
    )
)
