"""Shows the features that nobody has used yet, each with a sentence."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from base.accounts.roles import Action
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.menu import menu_for


@require_safe
@needs(Action.VIEW)
def more(request: PortalRequest) -> HttpResponseBase:
    """List the features that move up into the menu with their first use."""
    context = {"entries": menu_for(request.user).unused}
    return render(request, "portal/more/more.html", context)
