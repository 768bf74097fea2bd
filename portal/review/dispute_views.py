"""Disputes: the list by due date, recording a dispute, and answering it."""

from __future__ import annotations

from datetime import timedelta

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import Action
from portal.review import views
from portal.review.forms import ClaimForm
from portal.review.page import Draft
from portal.review.queue import tab_counts
from portal.shared import selection
from portal.shared.access import PortalRequest, needs
from portal.shared.drafts import keeps_typed
from portal.shared.fields import sentence_of
from portal.shared.lists import page_of
from review import selectors
from review.choices import DisputeStatus, DisputeVerb
from review.errors import ReviewError
from review.models import Dispute, Match

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


@keeps_typed(views.page_of)
@require_POST
@needs(Action.DECIDE)
def move(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Record a dispute of a claim, or answer one."""
    match, verb = views.find_match(uid), request.POST.get("verb", "")
    version = selection.read_version(request.POST.get("version", ""))
    if verb not in DisputeVerb.values or version is None:
        return _refuse(request, match, "bad_request", views.MISSING_VERSION, 400)
    form = ClaimForm(DisputeVerb(verb), request.POST)
    if not form.is_valid():
        return _refuse(request, match, "reason_missing", sentence_of(form), 409)
    try:
        moved = form.carry_out(match=match, user=request.user, version=version)
    except ReviewError as refused:
        return _refuse(request, match, refused.code, refused.message, 409)
    return views.answer_decided(request, moved, stays=True)


def _refuse(
    request: PortalRequest, match: Match, code: str, message: str, status: int
) -> HttpResponseBase:
    draft = Draft(
        verb=request.POST.get("verb", ""),
        reason=request.POST.get("code", ""),
        note=request.POST.get("note", ""),
        code=code,
        message=message,
        posted=request.POST,
    )
    return views.refuse(request, match, draft, status=status)
