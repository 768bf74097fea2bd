"""Views of letters."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from base.accounts.roles import Action
from plugins.letters.models import Letter
from web.portal.shared.access import PortalRequest, needs


@require_safe
@needs(Action.VIEW)
def letter(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one letter."""
    context = {"letter": get_object_or_404(Letter, uid=uid)}
    return render(request, "portal/letters/letter.html", context)
