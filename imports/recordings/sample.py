"""A sample of a table of recordings: every column, and two rows to replace."""

from __future__ import annotations

import csv
import io

from imports.recordings.rows import COLUMNS

_ROWS = (
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


def sample_csv() -> bytes:
    """Return the sample as CSV in UTF-8, as Excel writes it."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_ROWS)
    return file.getvalue().encode("utf-8-sig")


def sample_xlsx() -> bytes:
    """Return the sample as a workbook whose cells are texts."""
    # Imported late: most processes do not need it.
    import xlsxwriter

    memory = io.BytesIO()
    workbook = xlsxwriter.Workbook(memory, {"in_memory": True})
    bold = workbook.add_format({"bold": True})
    # As numbers, spreadsheets would shorten long codes.
    text = workbook.add_format({"num_format": "@"})
    page = workbook.add_worksheet("recordings")
    page.freeze_panes(1, 0)
    page.set_column(0, len(COLUMNS) - 1, 18, text)
    for position, name in enumerate(COLUMNS):
        page.write_string(0, position, name, bold)
        for number, row in enumerate(_ROWS, start=1):
            page.write_string(number, position, row.get(name, ""), text)
    workbook.close()
    return memory.getvalue()
