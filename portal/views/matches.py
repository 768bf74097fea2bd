"""The list of all matches, whatever their state."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.roles import Action
from portal.access import PortalRequest, needs
from portal.filter_forms import MatchFilterForm
from portal.pages import page_of, sorted_by
from portal.queue import tab_counts
from review import selectors
from review.filters import MatchFilter

_COLUMNS = {
    "state": "state",
    "title": "recording__title",
    "source": "scanned_file__name",
    "matched": "matched_ms",
    "score": "score",
    "created": "created_at",
}


@require_safe
@needs(Action.VIEW)
def match_list(request: PortalRequest) -> HttpResponseBase:
    """List the matches that fit the filters in the address."""
    rows = selectors.matches(filters=MatchFilter.from_query(request.GET))
    page = page_of(request, sorted_by(request, rows, _COLUMNS, default="-created"))
    page.object_list = selectors.with_segments(page.object_list)
    return render(
        request,
        "review/match_list.html",
        {
            "filters": MatchFilterForm(request.GET),
            "page_obj": page,
            "total": page.paginator.count,
            **tab_counts(request.user),
            "tab": "all",
        },
    )
