"""The report of duplicates, as a download."""

from __future__ import annotations

from django.http import FileResponse, Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.roles import Action
from common.storage import scratch_directory
from portal.shared.access import PortalRequest, needs
from reports import duplicates

_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
@needs(Action.REPORT)
def duplicate_report(request: PortalRequest, form: str) -> HttpResponseBase:
    """Download open duplicates and identifier collisions as CSV, JSON or XLSX."""
    name = f"duplicates.{form}"
    if form == "xlsx":
        with scratch_directory() as folder:
            path = folder / name
            duplicates.write_workbook(path)
            # The open file stays readable after its folder is deleted.
            return FileResponse(
                path.open("rb"), as_attachment=True, filename=name, content_type=_XLSX
            )
    if form not in _TYPES:
        raise Http404
    pieces = duplicates.as_csv() if form == "csv" else duplicates.as_json()
    return StreamingHttpResponse(
        pieces,
        content_type=_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
