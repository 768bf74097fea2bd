"""Samples of the tables that imports read: every column, and rows to replace."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from imports.broadcasts.rows import AUDIENCE_COLUMNS, SCHEDULE_COLUMNS
from imports.recordings.rows import COLUMNS
from imports.rights.table import COLUMNS as SHARE_COLUMNS


@dataclass(frozen=True, slots=True)
class Sample:
    """A table to fill in."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, str]]

    def as_csv(self) -> bytes:
        """Return the sample as CSV in UTF-8, as Excel writes it."""
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, self.columns, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return file.getvalue().encode("utf-8-sig")

    def as_xlsx(self) -> bytes:
        """Return the sample as a workbook whose cells are texts."""
        # Imported late: most processes do not need it.
        import xlsxwriter

        memory = io.BytesIO()
        workbook = xlsxwriter.Workbook(memory, {"in_memory": True})
        bold = workbook.add_format({"bold": True})
        # As numbers, spreadsheets would shorten long codes.
        text = workbook.add_format({"num_format": "@"})
        page = workbook.add_worksheet()
        page.freeze_panes(1, 0)
        page.set_column(0, len(self.columns) - 1, 18, text)
        for position, name in enumerate(self.columns):
            page.write_string(0, position, name, bold)
            for number, row in enumerate(self.rows, start=1):
                page.write_string(number, position, row.get(name, ""), text)
        workbook.close()
        return memory.getvalue()


_RECORDINGS: Final = (
    {
        "custom_id": "LIB-1",
        "title": "Night Drive",
        "artists": "A. Example|B. Sample",
        "audio": "night-drive.wav",
        "isrc": "ZZX012600001",
        "upc": "2000000000015",
        "iswc": "T-900.000.042-0",
        "version_title": "Instrumental",
        "album": "City Nights",
        "label": "Example Records",
        "release_date": "2026-06-28",
        "writers": "A. Example",
        "publishers": "Example Publishing",
        "duration_ms": "183000",
        "owner_share_pct": "50",
        "territories": "GB|DE",
        "tags": "night|driving",
        "notes": "The audio is a file in the ZIP.",
        "exclude": "00:00:00.000-00:00:02.500",
    },
    {
        "custom_id": "LIB-2",
        "title": "Morning Walk",
        "artists": "B. Sample",
        "audio": "https://files.example/morning-walk.mp3",
        "isrc": "ZZX012600002",
        "release_date": "2026",
        "territories": "WW",
        "notes": "The audio is a link. Empty cells are allowed.",
    },
)
_SCHEDULE: Final = (
    {
        "file_name": "pier-stories-5.wav",
        "station": "Example FM",
        "starts_at": "2026-11-03 07:00",
        "length": "0:30:00",
        "showing": "first",
        "series": "Pier Stories",
        "season": "2",
        "episode": "5",
        "episode_title": "Fog",
    },
    {
        "file_name": "pier-stories-5.wav",
        "station": "Example FM",
        "starts_at": "2026-11-04 22:30",
        "length": "0:30:00",
        "showing": "repeat",
    },
)
_AUDIENCE: Final = (
    {"station": "Example FM", "month": "2026-11", "tuning_hours": "120500.5"},
    {"station": "Example FM", "hour": "2026-11-03 07:00", "listeners": "1480"},
    {
        "station": "Example FM",
        "starts_at": "2026-11-03 07:00",
        "listeners": "1510",
        "performances": "22650",
    },
)
_RIGHTS: Final = (
    {
        "custom_id": "LIB-1",
        "title": "Night Drive",
        "isrc": "ZZX012600001",
        "iswc": "T-900.000.042-0",
        "work_id": "W-1",
        "work_title": "Night Drive",
        "party": "Ada Example",
        "role": "CA",
        "right": "performing",
        "share_pct": "50",
        "territories": "WW",
        "valid_from": "2026-01-01",
    },
    {
        "work_id": "W-1",
        "work_title": "Night Drive",
        "party": "Example Publishing",
        "role": "E",
        "right": "performing",
        "kind": "ownership",
        "share_pct": "50",
        "territories": "WW|-US",
        "valid_from": "2026-01-01",
    },
)
SAMPLES: Final = {
    "recordings": Sample(COLUMNS, _RECORDINGS),
    "schedule": Sample(SCHEDULE_COLUMNS, _SCHEDULE),
    "audience": Sample(AUDIENCE_COLUMNS, _AUDIENCE),
    "rights": Sample(SHARE_COLUMNS, _RIGHTS),
}
