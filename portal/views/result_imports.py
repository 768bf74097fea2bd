"""Importing results that another program found: upload, check, import."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.roles import Action
from common.checked_imports import OPEN_STATUSES
from portal.access import PortalRequest, needs
from reports.foreign import services
from reports.models import ResultImport
from scanning.models import Container


class ResultsForm(forms.Form):
    """A file of results, and where its files go."""

    container = forms.ModelChoiceField(Container.objects.all(), empty_label=None)
    file = forms.FileField(
        label=_("Results (CSV or JSON)"),
        help_text=_(
            "A CSV of ACRCloud's file scan tool, or a JSON dump of its File Scanning API."
        ),
    )


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def result_import(request: PortalRequest) -> HttpResponseBase:
    """Take a file; the worker checks it before anything is written."""
    form = ResultsForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        kept = services.keep_results(
            container=form.cleaned_data["container"],
            upload=form.cleaned_data["file"],
            user=request.user,
        )
        return redirect("portal:result_import_detail", uid=kept.uid)
    return render(
        request,
        "foreign/import_form.html",
        {
            "form": form,
            "imports": ResultImport.objects.select_related("container")[:10],
        },
    )


@require_safe
@needs(Action.UPLOAD)
def result_import_detail(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show what checking said, or what came of importing."""
    kept = get_object_or_404(
        ResultImport.objects.select_related("container", "made_by"), uid=uid
    )
    return render(
        request,
        "foreign/import_detail.html",
        {
            "import": kept,
            "summary": kept.summary,
            "working": kept.status in OPEN_STATUSES,
        },
    )


@require_POST
@needs(Action.UPLOAD)
def result_import_start(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Import what was checked."""
    kept = get_object_or_404(ResultImport, uid=uid)
    if not services.start_import(result_import=kept, user=request.user):
        messages.warning(request, "This file is not waiting to be imported.")
    return redirect("portal:result_import_detail", uid=uid)
