"""Retro search: recordings looked for in files scanned earlier."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from catalogue.models import Recording
from review import selectors as review_selectors
from scanning.errors import IntakeRefused
from scanning.models import RetroSearch
from scanning.services import retro
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.lists import page_of

_LATEST = 25


@require_http_methods(["GET", "POST"])
@needs(Action.APPROVE)
def retro_start(request: PortalRequest) -> HttpResponseBase:
    """Estimate a search for recordings; start it on POST."""
    query = request.POST if request.method == "POST" else request.GET
    named = Recording.objects.filter(uid__in=query.getlist("recording"))
    recordings = list(named.order_by("title", "pk"))
    if not recordings:
        raise Http404(_("No such recording."))
    if request.method == "POST":
        try:
            started = retro.request_search(recordings=recordings, user=request.user)
        except IntakeRefused as refused:
            messages.error(request, str(refused))
        else:
            return redirect("portal:retro_search", uid=started[0].uid)
    context = {
        "recordings": recordings,
        "estimate": retro.estimate(recordings=recordings),
        "latest": RetroSearch.objects.filter(recordings__in=recordings).distinct()[:_LATEST],
    }
    return render(request, "portal/catalogue/retro_start.html", context)


def _visible(uid: str) -> RetroSearch:
    """Return a search with at least one recording within the user's access limits."""
    search = get_object_or_404(RetroSearch, uid=uid)
    if not search.recordings.exists():
        raise Http404
    return search


@require_safe
@needs(Action.VIEW)
def retro_search(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the progress of a search and its matches."""
    search = _visible(uid)
    matches = review_selectors.matches().filter(scan__retro_search=search)
    page = page_of(request, matches)
    page.object_list = review_selectors.with_segments(page.object_list)
    context = {
        "search": search,
        "recordings": search.recordings.order_by("title", "pk")[:_LATEST],
        "recording_count": search.recordings.count(),
        "page_obj": page,
    }
    return render(request, "portal/catalogue/retro_search.html", context)


@require_POST
@needs(Action.APPROVE)
def retro_cancel(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Cancel a search; its matches stay."""
    search = _visible(uid)
    retro.cancel_search(search=search, user=request.user)
    return redirect("portal:retro_search", uid=uid)
