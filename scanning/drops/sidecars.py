"""Metadata beside dropped files: NAME.json, NAME.csv, or rows of manifest.csv."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from base.common.table_text import one_form
from base.common.territories import TERRITORIES, why_no_territory
from scanning.errors import IntakeRefused
from scanning.services.intake import Details
from scanning.services.link_batches import details_of_cells, name_of_cells, rows_of_csv
from scanning.tags import tags_of

MAX_SIDECAR_BYTES = 2 * 1024**2
_FILE_COLUMNS = ("file", "file_name", "filename", "path")

Cells = Mapping[str, str]


def cells_of_json(content: bytes) -> Cells:
    """Return the values of a JSON object by name; raise ``IntakeRefused``."""
    try:
        read = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _bad(_("The JSON file cannot be read: %(error)s.") % {"error": error}) from error
    if not isinstance(read, dict):
        raise _bad(_("The JSON file must contain one object, as in {…}."))
    return {
        str(name).strip().lower(): _cell(str(name), value)
        for name, value in read.items()
        if value is not None
    }


def cells_of_csv(content: bytes) -> Cells:
    """Return the values of a CSV file with a header and one row."""
    rows = rows_of_csv(content)
    if len(rows) != 2:
        raise _bad(_("The CSV file must have a line with column names and one row."))
    return _name_cells(rows[0], rows[1])


def cells_of_manifest(content: bytes, name: str) -> Cells:
    """Return the values of the row for the file ``name``, empty if there is none."""
    header, *rows = rows_of_csv(content) or [[]]
    columns = [cell.strip().lower() for cell in header]
    at = next((columns.index(column) for column in _FILE_COLUMNS if column in columns), None)
    if at is None:
        raise _bad(_("manifest.csv has no column of file names. Name it 'file'."))
    fitting = [row for row in rows if at < len(row) and row[at].strip() == one_form(name)]
    if len(fitting) > 1:
        raise _bad(_("manifest.csv has several rows for %(name)s.") % {"name": name})
    return _name_cells(header, fitting[0]) if fitting else {}


def details_of_sidecars(cells: Cells) -> tuple[str, Details]:
    """Return the name (empty: the file's own) and the metadata in sidecars.

    Raise ``IntakeRefused`` for a time or territory that is none.
    """
    territories = re.split(r"[,;|\s]+", cells.get("territories", "").upper())
    codes = [code for code in territories if code]
    if wrong := [code for code in codes if code not in TERRITORIES]:
        raise _bad(why_no_territory(wrong[0]))
    words = [word.strip() for word in re.split(r"[,|]", cells.get("tags", ""))]
    details = {
        **details_of_cells(cells),
        "source_url": cells.get("source_url", ""),
        "platform": cells.get("platform", "")[:60],
        "published_at": _moment(cells.get("published_at", "")),
        "tags": tags_of(territories=codes, words=[word for word in words if word]),
    }
    return name_of_cells(cells), details


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        # A zone near the ends of the calendar has no moment in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad(
            _("%(text)s is not a date. Write published_at as 2026-05-31 or with a time.")
            % {"text": text[:40]}
        ) from error


def _cell(name: str, value: object) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ",".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _bad(_("The value of %(name)s must be text.") % {"name": name[:40]})
    return _clean(str(value))


def _name_cells(header: list[str], row: list[str]) -> Cells:
    names = (name.strip().lower() for name in header)
    return {name: _clean(cell) for name, cell in zip(names, row, strict=False)}


def _clean(text: str) -> str:
    """Return text that every database stores."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()


def _bad(message: str) -> IntakeRefused:
    return IntakeRefused("bad_sidecar", message)
