"""The dashboard: what waits, what is late, and where to go on."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.roles import Action
from portal import dashboard as widgets
from portal import selectors
from portal.access import PortalRequest, needs


@require_safe
@needs(Action.VIEW)
def dashboard(request: PortalRequest) -> HttpResponseBase:
    """Show every widget; one that cannot be read says so in its place."""
    shown = widgets.widgets(request.user)
    context = {
        "widgets": shown,
        "steps": selectors.first_steps(),
    }
    if not shown["numbers"].failed:
        context["nav"] = {"pending_matches": shown["numbers"].data["waiting"]}
    return render(request, "portal/dashboard.html", context)
