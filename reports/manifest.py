"""What a report is, for those who get it: the manifest, and CSV's types beside it."""

from __future__ import annotations

from reports.choices import Format
from reports.layouts import SEPARATORS, Layout
from reports.models import ReportRun
from reports.values import Kind

SOFTWARE = "acrportal"


def contents(run: ReportRun) -> dict[str, object]:
    """Return what follows from the rows alone; the same for the same rows."""
    layout = Layout.of(run)
    return {
        "schema": layout.schema.name,
        "mode": run.mode,
        "filter": run.filters,
        "files_without_match": run.files_without,
        "columns": [field.name for field in layout.fields],
        "as_of_event": run.as_of_event,
        "rows": {"total": run.row_count, **run.counts},
        **run.versions,
    }


def manifest(run: ReportRun) -> dict[str, object]:
    """Return the whole manifest of a finished run; only it says when and by whom."""
    return {
        "report_id": run.uid,
        "name": run.name,
        **contents(run),
        "dialect": _dialect(run),
        "files": [
            {
                "name": run.file_name,
                "size_bytes": run.size_bytes,
                "sha256": run.sha256,
            }
        ],
        "rows_sha256": run.rows_sha256,
        "software": SOFTWARE,
        "generated_at": run.finished_at.isoformat() if run.finished_at else None,
        "generated_by": run.run_by_name,
    }


def _dialect(run: ReportRun) -> dict[str, object]:
    if run.format != Format.CSV:
        return {"format": run.format}
    return {
        "format": run.format,
        "encoding": "UTF-8",
        "byte_order_mark": run.byte_order_mark,
        "separator": SEPARATORS[Layout.of(run).separator],
        "line_end": "CRLF",
        "quote": '"',
    }


# The types of CSV on the Web; a list is text, since CSVW knows no escapes in lists.
_DATATYPES: dict[Kind, object] = {
    Kind.INTEGER: "integer",
    Kind.DECIMAL: "decimal",
    Kind.OFFSET: {
        "base": "string",
        "format": r"[0-9]{2,}:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}",
    },
    Kind.TIME: {"base": "dateTimeStamp", "format": "yyyy-MM-ddTHH:mm:ssX"},
    Kind.YES_NO: {"base": "boolean", "format": "yes|no"},
}


def csvw(run: ReportRun) -> dict[str, object]:
    """Return the description of a CSV file's columns as CSV on the Web has it."""
    layout = Layout.of(run)
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": run.file_name,
        "dc:title": run.name,
        "dc:conformsTo": layout.schema.name,
        "dialect": {
            "encoding": "utf-8",
            "delimiter": SEPARATORS[layout.separator],
            "lineTerminators": ["\r\n"],
            "quoteChar": '"',
            "doubleQuote": True,
            "header": True,
        },
        "tableSchema": {
            "columns": [
                {
                    "name": field.name,
                    "titles": field.name,
                    "datatype": _DATATYPES.get(field.kind, "string"),
                    "null": "",
                }
                for field in layout.fields
            ]
        },
    }
