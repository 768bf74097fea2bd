"""Samples of the tables that imports read: every column, and rows to replace."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from base.common.csv_safety import GuardedWriter


@dataclass(frozen=True, slots=True)
class Sample:
    """A table to fill in."""

    columns: Sequence[str]
    rows: Sequence[Mapping[str, str]]

    def as_csv(self) -> bytes:
        """Return the sample as CSV in UTF-8, as Excel writes it."""
        file = io.StringIO(newline="")
        writer = GuardedWriter(file)
        writer.write(self.columns)
        for row in self.rows:
            writer.write(row.get(name, "") for name in self.columns)
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
