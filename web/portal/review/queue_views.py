"""The review queue in its tabs, and the list of all matches."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from base.accounts.roles import Action
from review import selectors
from review.errors import ReviewError
from review.filters import MatchFilter
from review.services import saved_views
from review.services.file_details import mark_expected
from scanning.models import Scan
from web.portal.pictures.file import why_no_matches
from web.portal.review.page import last_of
from web.portal.review.queue import ORDERS, Queue, View, tab_counts, unmatched_files
from web.portal.review.rows import listed_address, rows_of
from web.portal.review.undo import decisions_of
from web.portal.shared import selection
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.columns import columns_shown
from web.portal.shared.filters import MatchFilterForm, QueueFilterForm
from web.portal.shared.lists import count_of, page_of, sorted_by
from web.portal.shared.selectors import find_file

_COLUMNS = {
    "state": "state",
    "title": "recording__title",
    "source": "scanned_file__name",
    "matched": "matched_ms",
    "score": ("score", "bits"),
    "created": "created_at",
}


@require_safe
@never_cache
@needs(Action.VIEW)
def queue(request: PortalRequest) -> HttpResponseBase:
    """List the matches that wait for a decision."""
    default = None if request.GET else saved_views.default_of(request.user)
    if default is not None:
        return redirect(f"{reverse('portal:queue')}?{default.query or 'view=waiting'}")
    review_queue = Queue.from_query(request.GET, request.user)
    if review_queue.view == View.DISPUTES:
        return redirect(review_queue.url)
    page = page_of(request, review_queue.rows())
    rows = rows_of(page.object_list, review_queue)
    first_page = [row.match for row in rows] if page.number == 1 else []
    following, here = (review_queue.first_of(first_page), review_queue.query().lstrip("?"))
    waiting = page.paginator.count if review_queue.holds_all_waiting else None
    views = [
        (view, f"?{view.query or 'view=waiting'}", view.query == here)
        for view in saved_views.views_for(request.user)
    ]
    on_saved = any(is_current and view.query for view, _, is_current in views)
    return render(
        request,
        "portal/review/queue.html",
        {
            "queue": review_queue,
            "now": timezone.now(),
            "filters": QueueFilterForm(request.GET),
            "page_obj": page,
            "rows": rows,
            "columns": columns_shown(request.user, "queue"),
            **tab_counts(request.user, waiting=waiting),
            "tab": "" if on_saved else review_queue.view.value,
            "next_url": review_queue.url_of(following) if following else "",
            "limit": selection.total_limit(request.user),
            "views": views,
            "here": review_queue.query(),
            "orders": ORDERS,
            # Beside rows, the preview offers to undo it.
            "last": None if rows else last_of(request, review_queue.url),
        },
    )


@require_safe
@needs(Action.VIEW)
def unmatched(request: PortalRequest) -> HttpResponseBase:
    """List the files without matches, with the reason."""
    marked = request.GET.get("expected") == "yes"
    files = unmatched_files(expected=marked).order_by("-created_at", "-pk")
    page = page_of(request, files)
    scans: dict[int, Scan] = {}
    for scan in (
        Scan.objects.full()
        .filter(scanned_file__in=page.object_list, status="succeeded")
        .order_by("pk")
    ):
        scans[scan.scanned_file_id] = scan
    scanned = [(file, scans[file.pk]) for file in page.object_list if file.pk in scans]
    whys = why_no_matches(scanned)
    rows = [(file, why) for (file, _scan), why in zip(scanned, whys, strict=True)]
    return render(
        request,
        "portal/review/unmatched.html",
        {
            "page_obj": page,
            "rows": rows,
            "expected": marked,
            "expected_count": count_of(unmatched_files(expected=True)),
            **tab_counts(request.user),
            "tab": "unmatched",
        },
    )


@require_POST
@needs(Action.DECIDE)
def judge_unmatched(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Mark a file as rightly without matches, or undo that."""
    file = find_file(uid)
    undo, note = "undo" in request.POST, request.POST.get("note", "")
    try:
        mark_expected(scanned_file=file, user=request.user, expected=not undo, note=note)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        text = (
            _("Back in the list of files without a match.")
            if undo
            else _("No music expected. Removed from the list.")
        )
        messages.success(request, f"{file.name}: {text}")
    if request.POST.get("from") == "file":
        return redirect("portal:file_detail", uid=uid)
    return redirect(f"{reverse('portal:queue_files')}{'?expected=yes' if undo else ''}")


@require_safe
@never_cache
@needs(Action.DECIDE)
def my_decisions(request: PortalRequest) -> HttpResponseBase:
    """List the user's last decisions, each with its undo where it can be undone."""
    context = {
        "decisions": decisions_of(request.user),
        **tab_counts(request.user),
        "tab": "decided",
    }
    return render(request, "portal/review/my_decisions.html", context)


@require_safe
@needs(Action.VIEW)
def match_list(request: PortalRequest) -> HttpResponseBase:
    """List the matches that fit the filters in the address."""
    rows = selectors.matches(filters=MatchFilter.from_query(request.GET))
    page = page_of(request, sorted_by(request, rows, _COLUMNS, default="-created"))
    return render(
        request,
        "portal/review/match_list.html",
        {
            "rows": rows_of(
                page.object_list, Queue(user=request.user), proposals=False, stated=True
            ),
            "columns": columns_shown(request.user, "matches"),
            "filters": MatchFilterForm(request.GET),
            "limit": selection.total_limit(request.user),
            "page_obj": page,
            "listed": listed_address(request),
            **tab_counts(request.user),
            "tab": "all",
        },
    )
