"""The dashboard: what waits, and where to go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.roles import Action
from portal import selectors
from portal.access import PortalRequest, needs
from review import selectors as review_selectors
from review.choices import WAITING_STATES
from review.filters import MatchFilter
from scanning import selectors as scanning_selectors

_WEEKS = 12


@require_safe
@needs(Action.VIEW)
def dashboard(request: PortalRequest) -> HttpResponseBase:
    """Show counts, the next matches, the newest files and the weeks' flow."""
    today = datetime.now(tz=UTC)
    waiting = review_selectors.matches(filters=MatchFilter(states=WAITING_STATES))
    return render(
        request,
        "portal/dashboard.html",
        {
            "counts": selectors.dashboard_counts(),
            "next_matches": review_selectors.with_segments(
                waiting.order_by("created_at", "pk")[:5]
            ),
            "recent_files": scanning_selectors.files()[:6],
            "week_series": selectors.matches_per_week(
                since=today - timedelta(weeks=_WEEKS - 1)
            ),
            "steps": selectors.first_steps(),
            "today": today,
        },
    )
