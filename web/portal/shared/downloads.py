"""Tables that a page offers for download, written while they are sent or beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from django.http import FileResponse, Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase

from base.common.storage import scratch_directory
from reports.cells import Rows
from reports.choices import Format
from reports.files import CONTENT_TYPES
from reports.tables import ListReport


def attachment(name: str) -> dict[str, str]:
    """Return the header with which a browser saves a response under a name."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def sent(pieces: Iterable[bytes], *, name: str, form: Format) -> StreamingHttpResponse:
    """Return a response that sends the pieces as they are made."""
    return StreamingHttpResponse(
        pieces, content_type=CONTENT_TYPES[form], headers=attachment(f"{name}.{form}")
    )


def written(write: Callable[[Path], None], *, name: str, form: Format) -> FileResponse:
    """Return a response with the file that ``write`` writes to a path."""
    with scratch_directory() as folder:
        path = folder / f"{name}.{form}"
        write(path)
        # The open file stays readable after its folder is deleted.
        return FileResponse(
            path.open("rb"),
            as_attachment=True,
            filename=path.name,
            content_type=CONTENT_TYPES[form],
        )


def list_report(report: ListReport, rows: Rows, *, name: str, form: str) -> HttpResponseBase:
    """Return the report of a list in a format; raise ``Http404`` for any other."""
    if form in (Format.CSV, Format.JSON_LINES):
        return sent(report.pieces(rows, Format(form)), name=name, form=Format(form))
    if form in (Format.XLSX, Format.PARQUET):
        write = partial(report.write, rows=rows, form=Format(form))
        return written(write, name=name, form=Format(form))
    raise Http404
