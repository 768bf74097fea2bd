"""One search over files, recordings and codes."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.roles import Action
from catalogue.selectors import search_recordings
from portal.access import PortalRequest, needs
from portal.selectors import files_named

_SHOWN = 20


@require_safe
@needs(Action.VIEW)
def search(request: PortalRequest) -> HttpResponseBase:
    """Show the first files and recordings that hold the text."""
    text = (request.GET.get("q") or "").strip()
    files = files_named(text)
    recordings = search_recordings(text=text)
    return render(
        request,
        "portal/search.html",
        {
            "query": text,
            "files": files[:_SHOWN] if text else [],
            "recordings": recordings[:_SHOWN] if text else [],
            "file_total": files.count() if text else 0,
            "recording_total": recordings.count() if text else 0,
        },
    )
