"""Importing recordings from a table: upload, check, import, correct."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib import messages
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.roles import Action
from catalogue.import_rows import CLEAR, COLUMNS
from catalogue.importing import ImportSummary
from common.bodies import takes_files
from imports.models import OPEN_STATUSES, CatalogueImport
from portal.imports.forms import ImportForm
from portal.imports.services import keep_import, start_import
from portal.shared.access import PortalRequest, needs

_SAMPLE = (
    "custom_id,title,artists,audio,isrc,label\r\n"
    "LIB-1,Night Drive,A. Example|B. Sample,night-drive.wav,ZZX012600001,Example\r\n"
)


@takes_files(Action.EDIT_CATALOGUE)
@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def catalogue_import(request: PortalRequest) -> HttpResponseBase:
    """Accept a table; the worker checks it before it writes any recording."""
    form = ImportForm(
        request.POST or None,
        request.FILES or None,
        initial={"bucket": request.GET.get("bucket")},
    )
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        stored = keep_import(
            bucket=values["bucket"],
            table=values["table"],
            archive=values["archive"],
            encoding=values["encoding"],
            keep_unknown=values["keep_unknown"],
            user=request.user,
        )
        return redirect("portal:import_detail", uid=stored.uid)
    return render(
        request,
        "portal/imports/import_form.html",
        {
            "form": form,
            "columns": COLUMNS,
            "clear": CLEAR,
            "sample": _SAMPLE,
            "imports": CatalogueImport.objects.select_related("bucket")[:10],
        },
    )


@require_safe
@needs(Action.EDIT_CATALOGUE)
def import_detail(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the result of the check or of the import."""
    stored = get_object_or_404(
        CatalogueImport.objects.select_related("bucket", "made_by"), uid=uid
    )
    return render(
        request,
        "portal/imports/import_detail.html",
        {
            "import": stored,
            # Counters that are newer than this import default to zero.
            "summary": stored.summary and {**asdict(ImportSummary()), **stored.summary},
            "working": stored.status in OPEN_STATUSES,
        },
    )


@require_POST
@needs(Action.EDIT_CATALOGUE)
def import_start(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Start the import of the good rows."""
    stored = get_object_or_404(CatalogueImport, uid=uid)
    if not start_import(catalogue_import=stored, user=request.user):
        messages.warning(request, "This table is not waiting to be imported.")
    return redirect("portal:import_detail", uid=uid)


@require_safe
@needs(Action.EDIT_CATALOGUE)
def import_bad_rows(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the refused rows with their causes."""
    stored = get_object_or_404(CatalogueImport.objects.exclude(bad_rows=""), uid=uid)
    return FileResponse(
        stored.bad_rows.open("rb"),
        as_attachment=True,
        filename="rows-to-correct.csv",
        content_type="text/csv; charset=utf-8",
    )
