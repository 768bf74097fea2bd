"""Reads tables of shares: one line per share, for works and for recordings.

A line without a share tells of a work, recording or release alone. Lines of one work
stand together, because the shares that a source claims replace its earlier ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext as _

from base.common.reading import read_number
from base.common.table_text import read_day, read_share, split_names
from base.common.territories import territories_in, territory_code
from catalogue.owners.tis import UnknownTerritory, normalised
from imports.names import compared
from imports.reading_rules import FRACTION, Proposal, ReadingRules, RuledColumns
from imports.table_layout import RawRow
from imports.table_notes import reading_of
from imports.tables import MAX_ROWS, Table, rows_of
from plugins.rights.claims import (
    ClaimFault,
    PartyClaim,
    RecordingClaim,
    ReleaseClaim,
    RightsMessage,
    ShareClaim,
    WorkClaim,
)
from plugins.rights.importing.faults import MessageRefused, Read, ReadCounts, fault

FORMAT: Final = "CSV"
SHARE_COLUMNS: Final = (
    "party",
    "party_ipi",
    "party_isni",
    "role",
    "right",
    "kind",
    "share_pct",
    "territories",
    "valid_from",
    "valid_until",
)
COLUMNS: Final = (
    "custom_id",
    "title",
    "artists",
    "isrc",
    "iswc",
    "upc",
    "version_title",
    "album",
    "label",
    "release_date",
    "duration_ms",
    "work_id",
    "work_title",
    *SHARE_COLUMNS,
    "release_upc",
    "grid",
    "label_code",
    "controlled_by",
    "controlled_by_ipi",
    "agreement",
)
_RIGHTS = {
    **dict.fromkeys(("performing", "pr"), "PR"),
    **dict.fromkeys(("mechanical", "mr"), "MR"),
    **dict.fromkeys(("synchronisation", "synchronization", "sr"), "SR"),
    **dict.fromkeys(("master", "neighbouring", "neighboring", "nr"), "NR"),
}
_KINDS = {"ownership": "OWN", "own": "OWN", "collection": "COL", "col": "COL"}
_MASTER = "NR"
_DURATION: Final = re.compile(r"([0-9]{1,9})(?:[.,]0{1,6})?")
_BATCH = 50
_BY_NAME: Final = {compared(name): name for name in COLUMNS}
KNOWN_NAMES: Final = frozenset(_BY_NAME)
_RULED: Final = RuledColumns(
    shares=frozenset({"share_pct"}),
    names=frozenset({"artists"}),
    days=frozenset({"release_date", "valid_from", "valid_until"}),
)


def read_table(
    table: Table, *, name: str, isrc_of: Callable[[str], str], chosen: Mapping[str, str]
) -> Iterator[Read]:
    """Yield the works and recordings of a table in batches, faults, and the counts.

    ``isrc_of`` returns the ISRC of our recording with a custom id, "" if unknown;
    ``chosen`` are rules of ``imports.reading_rules``. Raises ``MessageRefused`` if the
    table is not one of shares.
    """
    positions = _positions(table)
    proposal = Proposal(_RULED)
    for row in rows_of(table):
        proposal.look(_cells(row, positions))
    rules = proposal.rules(chosen)
    return TableReader(table, name, positions, isrc_of, rules).read()


def _positions(table: Table) -> dict[str, int]:
    """Return where each column of ours stands; names are compared kindly."""
    positions: dict[str, int] = {}
    for position, heading in enumerate(table.header):
        if name := _BY_NAME.get(compared(heading)):
            positions.setdefault(name, position)
    if not {"work_id", "party", "iswc", "isrc", "release_upc", "grid"} & positions.keys():
        raise MessageRefused(
            _(
                "This is neither CWR nor ERN nor a table of shares. Such a table "
                "has columns such as work_id, work_title, party, role, right, "
                "share_pct. The first line is: %(header)s"
            )
            % {"header": ", ".join(table.header)[:200]}
        )
    return positions


def _cells(row: RawRow, positions: Mapping[str, int]) -> dict[str, str]:
    return {
        name: row.cells[position].strip()
        for name, position in positions.items()
        if position < len(row.cells)
    }


@dataclass(slots=True)
class _Rows:
    """The claims of a batch; the first row that names a record describes it."""

    parties: dict[str, PartyClaim] = field(default_factory=dict)
    works: dict[str, WorkClaim] = field(default_factory=dict)
    recordings: dict[str, RecordingClaim] = field(default_factory=dict)
    releases: dict[str, ReleaseClaim] = field(default_factory=dict)
    groups: int = 0


@dataclass(slots=True)
class _Row:
    """One row by columns, with its faults."""

    line: int
    cells: dict[str, str]
    faults: list[ClaimFault] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")

    def refuse(self, name: str, rule: str) -> None:
        """Note a fault of a column."""
        self.faults.append(fault(self.line, name, self[name], rule))

    def warn(self, name: str, rule: str) -> None:
        """Note that a cell is left out, and the row is not."""
        self.faults.append(fault(self.line, name, self[name], rule, is_warning=True))

    @property
    def is_refused(self) -> bool:
        """Return whether a fault keeps the row out."""
        return any(not problem.is_warning for problem in self.faults)

    @property
    def work_key(self) -> str:
        """Return what identifies the work."""
        return self["work_id"] or self["iswc"]


@dataclass(slots=True)
class TableReader:
    """The state of one reading."""

    table: Table
    name: str
    positions: dict[str, int]
    isrc_of: Callable[[str], str]
    rules: ReadingRules
    counts: ReadCounts = field(default_factory=ReadCounts)
    _rows: _Rows = field(default_factory=_Rows)
    _group: str = ""
    _sent: dict[str, int] = field(default_factory=dict)
    """Works and recordings with shares in earlier batches, and their first lines."""
    _first_lines: dict[str, int] = field(default_factory=dict)

    def read(self) -> Iterator[Read]:
        """Yield batches, faults and counts."""
        unread = [
            column.strip()[:60]
            for position, column in enumerate(self.table.header)
            if column.strip() and position not in self.positions.values()
        ]
        self.counts.skipped.update(unread)
        for number, raw in enumerate(rows_of(self.table), start=1):
            if number > MAX_ROWS:
                raise MessageRefused(
                    _("A table may have at most %(limit)s rows. Split it.")
                    % {"limit": read_number(MAX_ROWS)}
                )
            cells = _cells(raw, self.positions)
            row = _Row(raw.line, cells)
            if cells.get("custom_id") and not cells.get("isrc"):
                cells["isrc"] = self.isrc_of(cells["custom_id"])
            self.counts.records["row"] += 1
            group = row.work_key or self._recording_key(row)
            if group != self._group:
                self._group = group
                self._rows.groups += 1
            if self._rows.groups > _BATCH:
                yield self._send()
                self._rows.groups = 1
            self._take(row)
            self.counts.refused += row.is_refused
            yield from row.faults
        if self._rows.groups:
            yield self._send()
        self.counts.reading = reading_of(
            self.table, not_read=unread, rules=self.rules, ruled=_RULED.concerned(self.positions)
        )
        yield self.counts

    def _recording_key(self, row: _Row) -> str:
        return row["isrc"] or row["custom_id"]

    def _send(self) -> RightsMessage:
        rows, self._rows = self._rows, _Rows()
        self._sent |= self._first_lines
        self._first_lines = {}
        return RightsMessage(
            format=FORMAT,
            message_id=self.name,
            parties=tuple(rows.parties.values()),
            works=tuple(rows.works.values()),
            recordings=tuple(rows.recordings.values()),
            releases=tuple(rows.releases.values()),
        )

    # Rows

    def _take(self, row: _Row) -> None:
        """Add a row's values, or note all of its faults."""
        work, recording = self._work_of(row), self._recording_of(row)
        release = self._release_of(row, recording)
        share, party, collector = None, None, None
        if any(row[name] for name in SHARE_COLUMNS):
            party, collector = self._party_of(row), _collector_of(row)
            share = self._share_of(row, party, collector)
            self._refuse_late(row, share, work, recording)
        elif work is None and recording is None and release is None:
            row.refuse("work_id", _("The row names no work, no recording and no release."))
        if row.is_refused:
            return
        rows = self._rows
        if work is not None:
            rows.works.setdefault(work.key, work)
        if recording is not None:
            rows.recordings.setdefault(recording.key, recording)
        if work is not None and recording is not None:
            earlier = rows.works[work.key]
            keys = dict.fromkeys((*earlier.recordings, recording.key))
            rows.works[work.key] = replace(earlier, recordings=tuple(keys))
        if release is not None:
            earlier_release = rows.releases.setdefault(release.key, release)
            tracks = dict.fromkeys((*earlier_release.tracks, *release.tracks))
            rows.releases[release.key] = replace(earlier_release, tracks=tuple(tracks))
        if share is not None and party is not None:
            rows.parties.setdefault(party.key, party)
            if collector is not None:
                rows.parties.setdefault(collector.key, collector)
            self._add_share(share, work, recording, row.line)

    def _add_share(
        self, share: ShareClaim, work: WorkClaim | None, recording: RecordingClaim | None, line: int
    ) -> None:
        rows = self._rows
        if share.right == _MASTER and recording is not None:
            of_recording = rows.recordings[recording.key]
            rows.recordings[recording.key] = replace(
                of_recording, shares=(*of_recording.shares, share)
            )
            self._first_lines.setdefault(f"recording {recording.key}", line)
        elif work is not None:
            of_work = rows.works[work.key]
            rows.works[work.key] = replace(of_work, shares=(*of_work.shares, share))
            self._first_lines.setdefault(f"work {work.key}", line)

    def _refuse_late(
        self,
        row: _Row,
        share: ShareClaim | None,
        work: WorkClaim | None,
        recording: RecordingClaim | None,
    ) -> None:
        if share is None:
            return
        if share.right == _MASTER:
            if recording is None:
                row.refuse("isrc", _("A master share needs the ISRC of a recording."))
                return
            key, column = f"recording {recording.key}", "isrc"
        elif work is None:
            row.refuse("work_id", _("This share needs the work_id or ISWC of a work."))
            return
        else:
            key, column = f"work {work.key}", "work_id"
        if key in self._sent:
            rule = _(
                "Keep all lines of one work or recording together; this one began in line %(line)s."
            )
            row.refuse(column, rule % {"line": self._sent[key]})

    def _work_of(self, row: _Row) -> WorkClaim | None:
        if not row.work_key:
            return None
        earlier = self._rows.works.get(row.work_key)
        title = row["work_title"] or row["title"]
        if earlier is None and not title:
            row.refuse("work_title", _("The work has no title."))
        return WorkClaim(
            key=row.work_key,
            title=title,
            iswc=row["iswc"],
            submitter_id=row["work_id"],
            line=row.line,
        )

    def _recording_of(self, row: _Row) -> RecordingClaim | None:
        key = self._recording_key(row)
        if not key:
            return None
        if not row["isrc"] and not row["title"]:
            row.refuse("title", _("A recording without ISRC needs a title."))
        duration_ms = None
        if row["duration_ms"]:
            if match := _DURATION.fullmatch(row["duration_ms"]):
                duration_ms = int(match[1])
            else:
                row.warn("duration_ms", _("This must be digits only. It is left out."))
        return RecordingClaim(
            key=key,
            isrc=row["isrc"],
            title=row["title"],
            version_title=row["version_title"],
            artists=tuple(split_names(row["artists"], self.rules.names)),
            duration_ms=duration_ms,
            label=row["label"],
            line=row.line,
        )

    def _release_of(self, row: _Row, recording: RecordingClaim | None) -> ReleaseClaim | None:
        upc = row["release_upc"] or row["upc"]
        key = upc or row["grid"]
        if not key:
            return None
        title = row["album"] or row["title"]
        if not title and key not in self._rows.releases:
            row.refuse("album", _("The release has no title."))
        return ReleaseClaim(
            key=key,
            title=title,
            upc=upc,
            grid=row["grid"],
            label=row["label"],
            label_code=row["label_code"],
            released=self._released(row),
            tracks=(recording.key,) if recording else (),
            line=row.line,
        )

    def _party_of(self, row: _Row) -> PartyClaim | None:
        if not row["party"]:
            row.refuse("party", _("A share needs the name of its party."))
            return None
        return PartyClaim(
            key=row["party_ipi"] or row["party_isni"] or row["party"],
            name=row["party"],
            ipi_name=row["party_ipi"],
            isni=row["party_isni"],
        )

    def _share_of(
        self, row: _Row, party: PartyClaim | None, collector: PartyClaim | None
    ) -> ShareClaim | None:
        right = _RIGHTS.get(row["right"].lower())
        if right is None:
            row.refuse(
                "right",
                _("This must be one of: %(codes)s.")
                % {"codes": "performing, mechanical, synchronisation, master"},
            )
        kind = _KINDS.get(row["kind"].lower() or "ownership")
        if kind is None:
            codes = {"codes": "ownership, collection"}
            row.refuse("kind", _("This must be one of: %(codes)s.") % codes)
        percent = self._percent(row)
        # A minus sign or "ex" excludes.
        included, excluded = (_codes(row, names) for names in territories_in(row["territories"]))
        begin, end = self._date(row, "valid_from"), self._date(row, "valid_until")
        if begin and end and end < begin:
            row.refuse("valid_until", _("The share ends before it begins."))
        if party is None or right is None or kind is None:
            return None
        return ShareClaim(
            party=party.key,
            role=row["role"],
            right=right,
            kind=kind,
            percent=percent,
            included=included,
            excluded=excluded,
            valid_from=begin,
            valid_until=end,
            controlled_by=collector.key if collector else "",
            agreement=row["agreement"],
            line=row.line,
        )

    def _released(self, row: _Row) -> date | None:
        """Return the day of a release; a year or month alone is no day."""
        if not row["release_date"]:
            return None
        if day := _whole_day(row["release_date"], self.rules.days):
            return day
        row.warn("release_date", _("This must be a date as YYYY-MM-DD. It is left out."))
        return None

    def _date(self, row: _Row, name: str) -> date | None:
        if not row[name]:
            return None
        day = _whole_day(row[name], self.rules.days)
        if day is None:
            row.refuse(name, _("This must be a date as YYYY-MM-DD."))
        return day

    def _percent(self, row: _Row) -> Decimal | None:
        """Return the share; an empty cell is a share of unknown size."""
        if not row["share_pct"]:
            return None
        is_fraction = self.rules.shares == FRACTION
        percent = read_share(row["share_pct"], is_fraction=is_fraction)
        if percent is None:
            row.refuse("share_pct", _("A share must be a number from 0 to 100."))
        elif 0 < percent < 1:
            row.warn(
                "share_pct",
                _(
                    "Read as less than one per cent. If a fraction is meant, choose how "
                    "shares are written."
                ),
            )
        return percent


def _collector_of(row: _Row) -> PartyClaim | None:
    """Return who collects the share for its party, if the row says so."""
    name, ipi = row["controlled_by"], row["controlled_by_ipi"]
    if ipi and not name:
        row.refuse("controlled_by", _("The collector of a share needs a name."))
    return PartyClaim(key=ipi or name, name=name, ipi_name=ipi) if name else None


def _whole_day(text: str, order: str) -> date | None:
    day = read_day(text, order)
    is_whole = day is not None and len(day) == len("2026-11-03")
    return date.fromisoformat(day) if day and is_whole else None


def _codes(row: _Row, written: Iterable[str]) -> tuple[str, ...]:
    codes: list[str] = []
    for part in written:
        try:
            codes.append(normalised(territory_code(part) or part))
        except UnknownTerritory as error:
            row.refuse("territories", str(error))
    return tuple(codes)
