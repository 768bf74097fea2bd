"""Recognises the program that wrote a file of results, and parses the file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.common.reading import read_number
from imports.errors import TableRefused
from imports.results import file_scanning, scan_tool
from imports.results.found import FoundFile, ResultFault, ResultsRefused
from imports.table_encoding import RECOGNISED
from imports.tables import SHEET, rows_of, table_of

MAX_ROWS = 200_000
_UNKNOWN = _(
    "This is neither a table of ACRCloud's file scan tool nor a dump of its File Scanning API."
)


def parsed(file: BinaryIO, *, name: str, is_workbook: bool) -> Iterator[FoundFile | ResultFault]:
    """Yield the results file by file, and faults.

    ``name`` is the display name. The file is CSV or JSON, or the rows that
    ``imports.workbook_jobs`` extracted from a workbook. ``ResultsRefused`` is raised
    before the first result.
    """
    beginning = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not beginning:
        raise ResultsRefused(gettext("The file is empty."))
    if is_workbook:
        return _read_table(file, name, SHEET)
    # By content: people rename files.
    if beginning[:1] in b"[{":
        return _read_json(file, name)
    return _read_table(file, name, RECOGNISED)


def _read_table(file: BinaryIO, name: str, encoding: str) -> Iterator[FoundFile | ResultFault]:
    try:
        table = table_of(file, encoding=encoding, names=scan_tool.KNOWN_NAMES)
        columns = scan_tool.column_names(table.header)
        if not scan_tool.is_scan_tool(columns):
            shown_columns = ", ".join(table.header)[:200]
            raise ResultsRefused(
                gettext("%(cause)s Its columns are: %(columns)s.")
                % {"cause": _UNKNOWN, "columns": shown_columns}
            )
        rows = [
            (row.line, dict(zip(columns, row.cells, strict=False)))
            for row in itertools.islice(rows_of(table), MAX_ROWS + 1)
        ]
    except TableRefused as error:
        raise ResultsRefused(str(error)) from error
    if len(rows) > MAX_ROWS:
        raise ResultsRefused(
            gettext("The file has more than %(limit)s rows. Split it.")
            % {"limit": read_number(MAX_ROWS)}
        )
    return scan_tool.read_rows(rows, table_name=name)


def _read_json(file: BinaryIO, name: str) -> Iterator[FoundFile | ResultFault]:
    file.seek(0)
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ResultsRefused(
            gettext("Byte %(start)s is not UTF-8 text. Save the file as UTF-8.")
            % {"start": error.start + 1}
        ) from error
    documents = _documents(text)
    if file_scanning.is_file_scanning(documents):
        return file_scanning.read_documents(documents)
    # The tool's own JSON export has a list of rows.
    exported = [row for document in documents if isinstance(document, list) for row in document]
    rows = [
        (number, {key: "" if value is None else str(value) for key, value in row.items()})
        for number, row in enumerate(exported[:MAX_ROWS], start=1)
        if isinstance(row, dict)
    ]
    if not rows or not scan_tool.is_scan_tool(rows[0][1]):
        raise ResultsRefused(_UNKNOWN)
    return scan_tool.read_rows(rows, table_name=name)


def _documents(text: str) -> list[Any]:  # Any: JSON
    """Return the single document, or one per line."""
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError) as error:
        whole = error
    documents = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                documents.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                if number == 1:
                    raise ResultsRefused(
                        gettext("The file is not JSON: %(whole)s.") % {"whole": whole}
                    ) from error
                raise ResultsRefused(
                    gettext("Line %(number)s is not JSON: %(error)s.")
                    % {"number": number, "error": error}
                ) from error
    return documents
