"""Importing recordings from a table: upload, check, import, mend."""

from __future__ import annotations

from django import forms
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
from catalogue.import_rows import COLUMNS
from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    CatalogueImport,
)
from common.checked_imports import OPEN_STATUSES
from portal.access import PortalRequest, needs
from portal.imports import keep_import, start_import

_SAMPLE = (
    "custom_id,title,artists,audio,isrc,label\r\n"
    "LIB-1,Night Drive,A. Example|B. Sample,night-drive.wav,ZZX012600001,Example\r\n"
)


class ImportForm(forms.Form):
    """A table, and the audio that its rows name."""

    bucket = forms.ModelChoiceField(
        Bucket.objects.exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID), empty_label=None
    )
    table = forms.FileField(label="Table (CSV or XLSX)")
    archive = forms.FileField(
        required=False,
        label="Audio files (ZIP)",
        help_text="Not needed where the rows hold links.",
    )
    encoding = forms.ChoiceField(
        label="Text of the CSV file",
        choices=[("utf-8", "UTF-8"), ("windows-1252", "Windows-1252")],
    )
    keep_unknown = forms.BooleanField(
        required=False, label="Keep columns with other names as data"
    )


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def catalogue_import(request: PortalRequest) -> HttpResponseBase:
    """Take a table; the worker checks it before anything is written."""
    form = ImportForm(
        request.POST or None,
        request.FILES or None,
        initial={"bucket": request.GET.get("bucket")},
    )
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        kept = keep_import(
            bucket=told["bucket"],
            table=told["table"],
            archive=told["archive"],
            encoding=told["encoding"],
            keep_unknown=told["keep_unknown"],
            user=request.user,
        )
        return redirect("portal:import_detail", uid=kept.uid)
    return render(
        request,
        "catalogue/import_form.html",
        {
            "form": form,
            "columns": COLUMNS,
            "sample": _SAMPLE,
            "imports": CatalogueImport.objects.select_related("bucket")[:10],
        },
    )


@require_safe
@needs(Action.EDIT_CATALOGUE)
def import_detail(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show what checking said, or what came of importing."""
    kept = get_object_or_404(
        CatalogueImport.objects.select_related("bucket", "made_by"), uid=uid
    )
    return render(
        request,
        "catalogue/import_detail.html",
        {
            "import": kept,
            "summary": kept.summary,
            "working": kept.status in OPEN_STATUSES,
        },
    )


@require_POST
@needs(Action.EDIT_CATALOGUE)
def import_start(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Import the good rows."""
    kept = get_object_or_404(CatalogueImport, uid=uid)
    if not start_import(catalogue_import=kept, user=request.user):
        messages.warning(request, "This table is not waiting to be imported.")
    return redirect("portal:import_detail", uid=uid)


@require_safe
@needs(Action.EDIT_CATALOGUE)
def import_bad_rows(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the refused rows with why."""
    kept = get_object_or_404(CatalogueImport.objects.exclude(bad_rows=""), uid=uid)
    return FileResponse(
        kept.bad_rows.open("rb"),
        as_attachment=True,
        filename="rows-to-correct.csv",
        content_type="text/csv; charset=utf-8",
    )
