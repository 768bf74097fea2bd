"""Views of the dashboard and of the search across files and recordings."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.roles import Action
from catalogue.selectors import search_recordings
from portal.dashboard import page as widgets
from portal.shared.access import PortalRequest, needs
from portal.shared.selectors import files_named

_SHOWN = 20


@require_safe
@needs(Action.VIEW)
def dashboard(request: PortalRequest) -> HttpResponseBase:
    """Show every widget; a widget that cannot be read shows an error in its place."""
    shown = widgets.widgets(request.user)
    context = {
        "widgets": shown,
        "steps": widgets.first_steps(),
    }
    if not shown["numbers"].failed:
        context["nav"] = {"pending_matches": shown["numbers"].data["waiting"]}
    return render(request, "portal/dashboard/dashboard.html", context)


@require_safe
@needs(Action.VIEW)
def search(request: PortalRequest) -> HttpResponseBase:
    """Show the first files and recordings that contain the text."""
    text = (request.GET.get("q") or "").strip()
    files = files_named(text)
    recordings = search_recordings(text=text)
    return render(
        request,
        "portal/dashboard/search.html",
        {
            "query": text,
            "files": files[:_SHOWN] if text else [],
            "recordings": recordings[:_SHOWN] if text else [],
            "file_total": files.count() if text else 0,
            "recording_total": recordings.count() if text else 0,
        },
    )
