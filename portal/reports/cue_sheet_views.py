"""Views that show a file's cue sheet and download it as CSV or PDF."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_safe

from accounts.roles import Action
from portal.shared.access import PortalRequest, needs
from reports import cue_sheet_files, cue_sheets
from reports.cue_sheets import NotScanned
from scanning import selectors

_TYPES = {"csv": "text/csv; charset=utf-8", "pdf": "application/pdf"}


@require_safe
@needs(Action.VIEW)
def cue_sheet(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Show the cue sheet; a file that was not scanned leads back to its page."""
    file = get_object_or_404(selectors.files(), uid=uid)
    try:
        sheet = cue_sheets.cue_sheet(file=file)
    except NotScanned as error:
        messages.warning(request, str(error))
        return redirect("portal:file_detail", uid=uid)
    return render(
        request, "portal/reports/cue_sheet.html", {"file": file, "sheet": sheet}
    )


@require_GET
@needs(Action.REPORT)
def cue_sheet_file(
    request: PortalRequest, uid: uuid.UUID, kind: str
) -> HttpResponseBase:
    """Download the cue sheet and record who downloaded it."""
    file = get_object_or_404(selectors.files(), uid=uid)
    try:
        sheet = cue_sheets.cue_sheet(file=file)
    except NotScanned as error:
        messages.warning(request, str(error))
        return redirect("portal:file_detail", uid=uid)
    cue_sheet_files.record_export(sheet=sheet, actor=request.user, kind=kind)
    return HttpResponse(
        cue_sheet_files.written(sheet, kind),
        content_type=_TYPES[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{sheet.name}.{kind}"',
        },
    )
