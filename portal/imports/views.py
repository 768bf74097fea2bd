"""Importing recordings or results: upload, check, import, correct."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from common.bodies import takes_files
from imports.models import CatalogueImport
from imports.services import start
from portal.imports.page import RECORDINGS, RESULTS, ImportPage
from portal.shared.access import PortalRequest, needs

View = Callable[..., HttpResponseBase]


def _form_view(page: ImportPage) -> View:
    @takes_files(page.action)
    @require_http_methods(["GET", "POST"])
    @needs(page.action)
    def view(request: PortalRequest) -> HttpResponseBase:
        """Accept a file; the worker checks it before it writes anything."""
        place = page.model.place_field
        form = page.form(
            request.POST or None,
            request.FILES or None,
            initial={place: request.GET.get(place)},
        )
        if request.method == "POST" and form.is_valid():
            return redirect(page.detail, uid=form.keep(request.user).uid)
        return render(request, "portal/imports/import_form.html", page.of_form(form))

    return view


def _detail_view(page: ImportPage) -> View:
    @require_safe
    @needs(page.action)
    def view(request: PortalRequest, uid: str) -> HttpResponseBase:
        """Show the outcome of the check or of the import."""
        rows = page.model._default_manager.select_related(page.model.place_field)
        one = get_object_or_404(rows, uid=uid)
        return render(request, "portal/imports/import_detail.html", page.of_import(one))

    return view


def _start_view(page: ImportPage) -> View:
    @require_POST
    @needs(page.action)
    def view(request: PortalRequest, uid: str) -> HttpResponseBase:
        """Import what was checked."""
        one = get_object_or_404(page.model._default_manager, uid=uid)
        if not start(one=one, user=request.user):
            messages.warning(request, str(page.not_waiting))
        return redirect(page.detail, uid=uid)

    return view


catalogue_import = _form_view(RECORDINGS)
import_detail = _detail_view(RECORDINGS)
import_start = _start_view(RECORDINGS)
result_import = _form_view(RESULTS)
result_import_detail = _detail_view(RESULTS)
result_import_start = _start_view(RESULTS)


@require_safe
@needs(RECORDINGS.action)
def import_bad_rows(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the refused rows with their causes."""
    one = get_object_or_404(CatalogueImport.objects.exclude(bad_rows=""), uid=uid)
    return FileResponse(
        one.bad_rows.open("rb"),
        as_attachment=True,
        filename="rows-to-correct.csv",
        content_type="text/csv; charset=utf-8",
    )
