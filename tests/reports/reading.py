"""Runs reports and reads them back as their recipients do."""

from __future__ import annotations

import csv
import io

from reports import files, services
from reports.layouts import Layout
from reports.models import ReportRun


def run_of(layout: Layout | None = None) -> ReportRun:
    return services.build_report(layout=layout or Layout(), user="system")


def file_of(run: ReportRun) -> bytes:
    return b"".join(files.file_content(run))


def content(layout: Layout | None = None) -> bytes:
    return file_of(run_of(layout))


def rows(written: bytes) -> list[dict[str, str]]:
    """Read a CSV report as a spreadsheet program would."""
    text = written.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
