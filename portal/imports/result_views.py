"""Importing results of another program: upload, check, import."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.roles import Action
from common.bodies import takes_files
from imports.models import OPEN_STATUSES, ResultImport
from portal.imports.forms import ResultsForm
from portal.shared.access import PortalRequest, needs
from reports.foreign import services


@takes_files(Action.UPLOAD)
@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def result_import(request: PortalRequest) -> HttpResponseBase:
    """Accept a file; the worker checks it before it writes any result."""
    form = ResultsForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        results = services.keep_results(
            container=form.cleaned_data["container"],
            upload=form.cleaned_data["file"],
            user=request.user,
        )
        return redirect("portal:result_import_detail", uid=results.uid)
    return render(
        request,
        "portal/imports/result_import_form.html",
        {
            "form": form,
            "imports": ResultImport.objects.select_related("container")[:10],
        },
    )


@require_safe
@needs(Action.UPLOAD)
def result_import_detail(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the result of the check or of the import."""
    results = get_object_or_404(
        ResultImport.objects.select_related("container", "made_by"), uid=uid
    )
    return render(
        request,
        "portal/imports/result_import_detail.html",
        {
            "import": results,
            "summary": results.summary,
            "working": results.status in OPEN_STATUSES,
        },
    )


@require_POST
@needs(Action.UPLOAD)
def result_import_start(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Start the import of a checked file."""
    results = get_object_or_404(ResultImport, uid=uid)
    if not services.start_import(result_import=results, user=request.user):
        messages.warning(request, "This file is not waiting to be imported.")
    return redirect("portal:result_import_detail", uid=uid)
