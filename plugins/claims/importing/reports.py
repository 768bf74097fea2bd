"""Reports of platforms: what they are made of, and how their rows are read.

Each format registers its reports in the ``report.py`` of its folder in ``formats``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from django.utils.translation import gettext as _

from base.common.table_text import read_day, read_percent
from catalogue.identifiers import BadIdentifier, check_iswc
from imports.errors import RowFault, TableRefused
from imports.mapping import NO_TARGETS, Targets
from imports.names import compared
from imports.table_layout import RawRow
from plugins.claims.choices import Platform, ReportKind, ValueColumn
from plugins.claims.importing.reading import Rows

Values = dict[str, Any]  # Any: a column's value
_WHOLE_DAY: Final = len("2026-11-03")
_ID: Final = re.compile(r"[\x21-\x7e]{1,64}")
_MOST: Final = 2**63 - 1


def identifier(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueError(_("An id of up to 64 characters without blanks is needed."))
    return text


def whole(text: str) -> int | None:
    if not text:
        return None
    # Exports through other programs write whole numbers with a point.
    plain = text.removesuffix(".0")
    if not (plain.isascii() and plain.isdigit() and int(plain[:20]) <= _MOST):
        raise ValueError(_("A whole number is needed."))
    return int(plain[:20])


def count(text: str) -> int:
    return whole(text) or 0


def seconds(text: str) -> int | None:
    return min(whole(text) or 0, 2**31 - 1) if text else None


@lru_cache(maxsize=4096)
def day(text: str) -> date | None:
    if not text:
        return None
    read = read_day(text)
    if read is None or len(read) != _WHOLE_DAY:
        raise ValueError(_("A day such as 2026-11-03 or 2026/11/03 is needed."))
    return date.fromisoformat(read)


def percent(text: str) -> str | None:
    if not text:
        return None
    number = read_percent(text)
    if number is None:
        raise ValueError(_("A percentage of at most 100 is needed."))
    return f"{number:.2f}"


def items(text: str) -> int:
    """Count the values of a list column, which bars separate."""
    return len([item for item in text.split("|") if item.strip()])


def first(text: str) -> str:
    """Return the first id of a list column; empty if it has none."""
    first = text.split("|")[0].strip()
    return identifier(first) if first else ""


def iswc(text: str) -> str:
    """Return an ISWC as T and 10 digits; one that is none is kept as it is."""
    try:
        return check_iswc(text)
    except BadIdentifier:
        return text[:40]


def text_of(most: int) -> Callable[[str], str]:
    return lambda text: text[:most]


@dataclass(frozen=True, slots=True)
class ReportedColumn:
    """A column of a report: where its value goes, and how it is read."""

    name: str
    to: str
    read: Callable[[str], Any] = field(default=text_of(100))  # Any: of the column


@dataclass(frozen=True, slots=True)
class Report:
    """A kind of report; ``required`` names the columns that it must have.

    It also needs one of ``one_of``, if that names any. ``finish`` adds what follows from
    the values of a row. People explain the values of the column ``explained``, except
    those that are ``documented``. ``unread`` names columns that nobody reads.
    """

    kind: ReportKind
    required: frozenset[str]
    columns: tuple[ReportedColumn, ...]
    platforms: frozenset[Platform]
    finish: Callable[[Values], None]
    unread: frozenset[str] = frozenset()
    one_of: frozenset[str] = frozenset()
    explained: ValueColumn | None = None
    documented: frozenset[str] = frozenset()
    targets: Targets | None = None
    """What the columns of a file become, if people map them: the names of ours."""

    @property
    def key(self) -> str:
        """Return the column that identifies a row."""
        return self.columns[0].to

    @property
    def explained_field(self) -> str:
        """Return where the values of the explained column go; empty without one."""
        return next((column.to for column in self.columns if column.name == self.explained), "")

    def is_like(self, names: Set[str]) -> bool:
        """Return whether a header is that of such a report."""
        return self.required <= names and (not self.one_of or bool(self.one_of & names))


_reports: list[Report] = []


def register(report: Report) -> Report:
    """Make a report known; of those that fit a header the first counts."""
    _reports.append(report)
    return report


def unregister(report: Report) -> None:
    """Forget a report, as tests do with theirs."""
    _reports.remove(report)


def needed_columns() -> list[tuple[str, str, str]]:
    """Return the platforms, kind and needed columns of each report that is known."""
    return [
        (
            ", ".join(platform.label for platform in Platform if platform in report.platforms),
            str(report.kind.label),
            ", ".join(filter(None, [*sorted(report.required), _or(report.one_of)])),
        )
        for report in _reports
    ]


def _or(names: Iterable[str]) -> str:
    return f" {_('or')} ".join(sorted(names))


def register_folders(package: Path) -> None:
    """Import the ``report.py`` of each folder of formats."""
    for path in sorted(package.glob("*/report.py")):
        import_module(f"plugins.claims.importing.formats.{path.parent.name}.report")


def known_names() -> frozenset[str]:
    """Return the names that show which row of a report is the header."""
    named = {column.name for report in _reports for column in report.columns}
    mapped = (report.targets.known_names for report in _reports if report.targets)
    return frozenset(map(compared, named)).union(*mapped)


def recognise(rows: Rows, platform: Platform) -> Report:
    """Return the kind of a report by its header; raise ``TableRefused``.

    A table whose columns people map has two at least.
    """
    names = set(rows.header)
    mine = [report for report in _reports if platform in report.platforms]
    for report in mine:
        if report.is_like(names):
            return report
    for report in mine:
        if report.targets is not None and len(names - {""}) > 1:
            return report
    raise TableRefused(
        _(
            "This is no report of %(platform)s that the portal knows. A report of claims "
            "needs the columns %(needed)s; this file has: %(header)s"
        )
        % {
            "platform": platform.label,
            "needed": " ".join(
                ", ".join(sorted(report.required))
                for report in mine
                if report.kind == ReportKind.CLAIMS
            ),
            "header": ", ".join(rows.header)[:300],
        }
    )


def targets_on(platform: Platform) -> Targets:
    """Return what the columns of a platform's table can become; nothing for reports."""
    targets = (report.targets for report in _reports if platform in report.platforms)
    return next(
        (column_targets for column_targets in targets if column_targets is not None), NO_TARGETS
    )


def unknown_columns(report: Report, header: tuple[str, ...]) -> list[str]:
    """Return the columns that no known version of the report has."""
    read = {column.name for column in report.columns}
    return [name[:80] for name in header if name and name not in read | report.unread][:50]


class RowReader:
    """Reads the rows of one report, by the positions of its columns."""

    def __init__(self, report: Report, header: tuple[str, ...]) -> None:
        self._finish, self._width = report.finish, len(header)
        places = {name: at for at, name in reversed(list(enumerate(header)))}
        self._key_at = places.get(report.columns[0].name)
        # Read once, because a report has millions of rows.
        self._absent: Values = {
            column.to: None if column.name in places else column.read("")
            for column in report.columns
        }
        self._readers = [
            (column, column.to, column.read, places[column.name])
            for column in report.columns
            if column.name in places
        ]

    def key_of(self, row: RawRow) -> str:
        """Return what identifies a row, even if the rest cannot be read."""
        at = self._key_at
        cell = row.cells[at] if at is not None and at < len(row.cells) else ""
        return cell.replace("\0", "").strip()

    def read(self, row: RawRow) -> Values:
        """Return the values of a row, with its hash; raise ``RowFault``."""
        if len(row.cells) > self._width:
            raise RowFault(
                "",
                "",
                _("The row has %(cells)s cells, the header %(columns)s.")
                % {"cells": len(row.cells), "columns": self._width},
            )
        # The order of columns is that of the hash, whichever the header has.
        values: Values = self._absent.copy()
        cells = row.cells
        width = len(cells)
        for column, to, read, at in self._readers:
            cell = cells[at].strip() if at < width else ""
            if "\0" in cell:
                # PostgreSQL stores none.
                cell = cell.replace("\0", "")
            try:
                values[to] = read(cell)
            except ValueError as error:
                raise RowFault(column.name, cell[:200], str(error)) from error
        text = "\x1f".join(map(str, values.values()))
        values["row_hash"] = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        self._finish(values)
        return values


def merged_assets(report: Report, rows: Rows) -> set[str]:
    """Return the ids of the assets that a report merges, wholes and parts."""
    reader = RowReader(report, rows.header)
    ids: set[str] = set()
    for row in rows:
        with suppress(RowFault):
            values = reader.read(row)
            if values["constituents"]:
                parts = values["constituents"].split("|")
                ids |= {values["asset_id"], *(part.strip() for part in parts)}
    return ids - {""}


def terms_of(values: Values) -> dict[str, str]:
    """Take the policy's cells out of a claim's values: its own, else the asset's."""
    own = [values.pop(f"claim_{name}") for name in ("monetises", "tracks", "blocks")]
    of_asset = [values.pop(f"asset_{name}") for name in ("monetises", "tracks", "blocks")]
    chosen = own if any(own) else of_asset
    return dict(zip(("monetises", "tracks", "blocks"), chosen, strict=True))


def day_in_name(name: str) -> date | None:
    """Return the day in a report's file name, such as ``…_20261103.csv.gz``."""
    for text in re.findall(r"(?<!\d)(20\d{2})[-_]?(\d{2})[-_]?(\d{2})(?!\d)", name):
        try:
            return date(*map(int, text))
        except ValueError:
            continue
    return None
