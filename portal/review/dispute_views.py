"""The list of disputes by due date."""

from __future__ import annotations

from datetime import timedelta

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.roles import Action
from portal.review.queue import tab_counts
from portal.shared.access import PortalRequest, needs
from portal.shared.lists import page_of
from review import selectors
from review.choices import DisputeStatus
from review.models import Dispute

SOON = timedelta(days=7)


@require_safe
@never_cache
@needs(Action.VIEW)
def dispute_list(request: PortalRequest) -> HttpResponseBase:
    """List the open, overdue or answered disputes."""
    shown = request.GET.get("show", "")
    overdue = selectors.open_disputes(overdue=True)
    if shown == "answered":
        rows = (
            Dispute.objects.exclude(
                status__in=[DisputeStatus.OPEN, DisputeStatus.UNDONE]
            )
            .select_related(
                "match__recording", "match__scanned_file", "answered_by", "recorded_by"
            )
            .order_by("-answered_at", "-pk")
        )
    else:
        shown = "overdue" if shown == "overdue" else "open"
        rows = overdue if shown == "overdue" else selectors.open_disputes()
    now = timezone.now()
    due_soon = selectors.open_disputes().filter(due_at__gte=now, due_at__lt=now + SOON)
    context = {
        "page_obj": page_of(request, rows),
        "shown": shown,
        "now": now,
        "soon": now + SOON,
        "counts": {
            "open": selectors.open_disputes().count(),
            "overdue": overdue.count(),
            "soon": due_soon.count(),
        },
        **tab_counts(request.user),
        "tab": "disputes",
    }
    return render(request, "portal/review/dispute_list.html", context)
