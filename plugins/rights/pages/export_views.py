"""The view that exports the claims of a source."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from base.accounts.limits import costly
from base.accounts.roles import Action
from plugins.rights import exporting
from plugins.rights.pages import page
from plugins.rights.pages.forms import RightsExportForm
from reports.choices import Format
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import sent


@costly("GET", "POST")
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.REPORT)
def rights_export(request: PortalRequest) -> HttpResponseBase:
    """Ask for a source, and send its claims as a table."""
    sources = exporting.sources()
    form = RightsExportForm(request.POST or None, sources=page.source_choices(sources))
    if form.is_valid():
        source = str(form.cleaned_data["source"]).removeprefix("=")
        pieces = exporting.as_csv(source=source, user=request.user)
        return sent(pieces, name="rights", form=Format.CSV)
    context = {"form": form, "has_sources": bool(sources)}
    return render(request, "portal/rights/export.html", context)
