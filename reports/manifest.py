"""Descriptions of a report for its readers: the manifest, and CSV column types."""

from __future__ import annotations

from typing import Any

from base.common.phrases import for_the_record
from reports.cells import ValueType
from reports.choices import Format
from reports.layouts import SEPARATORS, Layout
from reports.models import ReportRun

SOFTWARE = "acrportal"


def contents(run: ReportRun) -> dict[str, object]:
    """Return the part that depends only on the rows, so equal rows give equal bytes."""
    layout = Layout.of(run)
    return {
        "schema": layout.schema.name,
        "mode": run.mode,
        "filter": run.filters,
        "files_without_match": run.files_without,
        "columns": [field.name for field in layout.fields],
        "as_of_event": run.as_of_event,
        "rows": {"total": run.row_count, **_in_order(run.counts)},
        **run.versions,
    }


def _in_order(counts: dict[str, Any]) -> dict[str, Any]:  # Any: JSON of the run
    """Return the counts in the order in which a new run has them.

    PostgreSQL sorts the keys of stored JSON by length, and a report that is written
    again must have the same bytes.
    """
    kinds = {
        name: dict(sorted(counts[name].items()))
        for name in ("match_found", "review_state")
        if name in counts
    }
    return kinds | {name: text for name, text in counts.items() if name not in kinds}


def manifest(run: ReportRun) -> dict[str, object]:
    """Return the manifest of a finished run; only this part has time and person."""
    dialect: dict[str, object] = {"format": run.format}
    if run.format == Format.CSV:
        dialect |= {
            "encoding": "UTF-8",
            "byte_order_mark": run.byte_order_mark,
            "separator": SEPARATORS[Layout.of(run).separator],
            "line_end": "CRLF",
            "quote": '"',
        }
    return {
        "report_id": run.uid,
        "name": _name(run),
        **contents(run),
        "dialect": dialect,
        "files": [{"name": run.download_name, "size_bytes": run.size_bytes, "sha256": run.sha256}],
        "rows_sha256": run.rows_sha256,
        "software": SOFTWARE,
        "generated_at": run.finished_at.isoformat() if run.finished_at else None,
        "generated_by": run.run_by_name,
    }


# CSV on the Web types. Lists are strings, because CSVW lists cannot contain escapes.
_DATATYPES: dict[ValueType, object] = {
    ValueType.INTEGER: "integer",
    ValueType.DECIMAL: "decimal",
    ValueType.OFFSET: {"base": "string", "format": r"[0-9]{2,}:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}"},
    ValueType.TIME: {"base": "dateTimeStamp", "format": "yyyy-MM-ddTHH:mm:ssX"},
    ValueType.YES_NO: {"base": "boolean", "format": "yes|no"},
}


def _name(run: ReportRun) -> str:
    with for_the_record():
        return run.title


def csvw(run: ReportRun) -> dict[str, object]:
    """Return the CSV on the Web description of a file's columns."""
    layout = Layout.of(run)
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": run.download_name,
        "dc:title": _name(run),
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
