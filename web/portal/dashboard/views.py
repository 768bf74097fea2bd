"""The view of the dashboard."""

from __future__ import annotations

from functools import cache

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from base.accounts.roles import Action
from statements.selectors import count_to_correct
from web.portal.dashboard import page as widgets
from web.portal.shared.access import PortalRequest, needs


@require_safe
@needs(Action.VIEW)
def dashboard(request: PortalRequest) -> HttpResponseBase:
    """Show every widget; a widget that cannot be read shows an error in its place."""
    steps = widgets.first_steps()
    page_widgets = widgets.widgets(request.user, is_new=not all(steps.values()))
    context = {
        "widgets": page_widgets,
        "cards": widgets.cards(request.user),
        "steps": steps,
    }
    if not page_widgets["numbers"].failed:
        context["nav"] = {
            "queue": page_widgets["numbers"].data["waiting"],
            "statement_list": cache(count_to_correct),
        }
    return render(request, "portal/dashboard/dashboard.html", context)
