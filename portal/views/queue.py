"""The review queue: what waits, in tabs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import Action
from portal import file_page, selection
from portal.access import PortalRequest, needs
from portal.filter_forms import QueueFilterForm
from portal.pages import count_of, page_of
from portal.queue import ORDERS, Queue, tab_counts, unmatched_files
from portal.reasons import Why, why_here
from portal.review_page import Lock, lock_of
from review import selectors
from review.errors import ReviewError
from review.models import Match
from review.services import expected, saved_views
from scanning import selectors as scanning_selectors
from scanning.models import Scan


@dataclass(frozen=True, slots=True)
class Row:
    """One match as the queue lists it."""

    match: Match
    lock: Lock
    url: str
    why: Why


@require_safe
@never_cache
@needs(Action.VIEW)
def queue(request: PortalRequest) -> HttpResponseBase:
    """List the matches that wait for a person."""
    default = None if request.GET else saved_views.default_of(request.user)
    if default is not None:
        return redirect(f"{reverse('portal:queue')}?{default.query or 'view=waiting'}")
    shown = Queue.from_query(request.GET, request.user)
    page = page_of(request, shown.rows())
    page.object_list = selectors.with_segments(page.object_list)
    following, here = shown.next_to(None), shown.query().lstrip("?")
    return render(
        request,
        "review/queue.html",
        {
            "queue": shown,
            "now": timezone.now(),
            "filters": QueueFilterForm(request.GET),
            "page_obj": page,
            "rows": [
                Row(
                    match=match,
                    lock=lock_of(match, request.user),
                    url=shown.url_of(match),
                    why=why_here(match, next(iter(match.segments), None)),
                )
                for match in page.object_list
            ],
            "total": page.paginator.count,
            **tab_counts(request.user),
            "tab": shown.view.value,
            "next_url": shown.url_of(following) if following else "",
            "limit": selection.total_limit(request.user),
            "views": [
                (view, f"?{view.query or 'view=waiting'}", view.query == here)
                for view in saved_views.views_for(request.user)
            ],
            "here": shown.query(),
            "orders": ORDERS,
        },
    )


@require_safe
@needs(Action.VIEW)
def unmatched(request: PortalRequest) -> HttpResponseBase:
    """List the files in which nothing was found, with the reason."""
    marked = request.GET.get("expected") == "yes"
    files = unmatched_files(expected=marked).order_by("-created_at", "-pk")
    page = page_of(request, files)
    scans: dict[int, Scan] = {}
    for scan in Scan.objects.filter(
        scanned_file__in=page.object_list, status="succeeded"
    ).order_by("pk"):
        scans[scan.scanned_file_id] = scan
    scanned = [(file, scans[file.pk]) for file in page.object_list if file.pk in scans]
    whys = file_page.why_no_matches(scanned)
    rows = [(file, why) for (file, _scan), why in zip(scanned, whys, strict=True)]
    return render(
        request,
        "review/unmatched.html",
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
    """Keep that nothing was to be found in a file, or let it wait again."""
    file = get_object_or_404(scanning_selectors.files(), uid=uid)
    undo, note = "undo" in request.POST, request.POST.get("note", "")
    judge = expected.unmark_expected if undo else expected.mark_expected
    try:
        judge(scanned_file=file, user=request.user, note=note)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        text = "waits again" if undo else "is as expected; it waits no longer"
        messages.success(request, f"{file.name} {text}.")
    if request.POST.get("from") == "file":
        return redirect("portal:file_detail", uid=uid)
    return redirect(f"{reverse('portal:queue_files')}{'?expected=yes' if undo else ''}")
