"""The search of every page, and the choices of search boxes in forms."""

from __future__ import annotations

from dataclasses import asdict

from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from base.accounts.limits import costly
from base.accounts.roles import Action
from web.portal.search.lookup import IN_PALETTE, ON_PAGE, find
from web.portal.shared import choices as shared
from web.portal.shared.access import PortalRequest, needs


@never_cache
@costly("GET")
@require_safe
@needs(Action.VIEW)
def search(request: PortalRequest) -> HttpResponseBase:
    """Show what fits the text; ``part=palette`` asks for the list of the palette."""
    text = request.GET.get("q", "").strip()
    if request.GET.get("part") == "palette":
        groups = find(text=text, user=request.user, limit=IN_PALETTE)
        template = "portal/search/_hits.html"
    else:
        groups = find(text=text, user=request.user, limit=ON_PAGE)
        template = "portal/search/search.html"
    context = {"query": text, "groups": groups, "found": sum(len(group.hits) for group in groups)}
    return render(request, template, context)


@never_cache
@require_safe
@needs(Action.VIEW)
def choices(request: PortalRequest) -> JsonResponse:
    """Return the first values of a kind that contain the text, as a search box asks."""
    values = shared.choices(kind=request.GET.get("kind", ""), text=request.GET.get("q", ""))
    return JsonResponse({"choices": [asdict(choice) for choice in values]})
