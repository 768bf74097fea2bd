"""The review queue: what waits, in tabs, and one decision for many."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import Action
from catalogue.models import Bucket
from portal import file_page
from portal.access import PortalRequest, needs
from portal.decision_forms import DecisionForm
from portal.pages import page_of
from portal.queue import Queue, tab_counts, unmatched_files
from portal.review_page import lock_of
from review import selectors
from review.choices import QueueReason, Relation, Verb
from review.errors import ReviewError
from review.models import Match
from review.services import bulk
from scanning.models import Container, Scan

PREVIEW_ROWS = 20
_VERBS = {
    Verb.CONFIRM: "Confirm ours",
    Verb.CLEAR: "Clear",
    Verb.REJECT: "Reject",
    Verb.ESCALATE: "Escalate",
}
_DONE = {
    Verb.CONFIRM: "confirmed",
    Verb.CLEAR: "cleared",
    Verb.REJECT: "rejected",
    Verb.ESCALATE: "escalated",
    Verb.UNDO: "back in the queue",
}


class QueueFilterForm(forms.Form):
    """Filters of the queue; names are those of ``MatchFilter``."""

    q = forms.CharField(required=False, label="Title, artist, file or code")
    reason = forms.ChoiceField(
        required=False,
        label="Why here",
        choices=[("", "Any reason"), *QueueReason.choices],
    )
    container = forms.ModelChoiceField(
        Container.objects.all(), required=False, empty_label="Any container"
    )
    bucket = forms.ModelChoiceField(
        Bucket.objects.all(), required=False, empty_label="Any bucket"
    )
    relation = forms.ChoiceField(
        required=False, choices=[("", "Any relation"), *Relation.choices]
    )
    score_min = forms.DecimalField(required=False, label="Score from")
    view = forms.CharField(required=False, widget=forms.HiddenInput)


@require_safe
@never_cache
@needs(Action.VIEW)
def queue(request: PortalRequest) -> HttpResponseBase:
    """List the matches that wait for a person."""
    shown = Queue.from_query(request.GET, request.user)
    page = page_of(request, shown.rows())
    page.object_list = selectors.with_segments(page.object_list)
    following = shown.next_to(None)
    return render(
        request,
        "review/queue.html",
        {
            "queue": shown,
            "now": timezone.now(),
            "filters": QueueFilterForm(request.GET),
            "page_obj": page,
            "rows": [
                (match, lock_of(match, request.user), shown.url_of(match))
                for match in page.object_list
            ],
            "total": page.paginator.count,
            "tabs": tab_counts(request.user),
            "tab": shown.view.value,
            "next_url": shown.url_of(following) if following else "",
            "limit": bulk.bulk_limit(request.user),
        },
    )


@require_safe
@needs(Action.VIEW)
def unmatched(request: PortalRequest) -> HttpResponseBase:
    """List the files in which nothing was found, with the reason."""
    page = page_of(request, unmatched_files().order_by("-created_at", "-pk"))
    scans: dict[int, Scan] = {}
    for scan in Scan.objects.filter(
        scanned_file__in=page.object_list, status="succeeded"
    ).order_by("pk"):
        scans[scan.scanned_file_id] = scan
    rows = [
        (file, file_page.why_no_match(file, scans[file.pk]))
        for file in page.object_list
        if file.pk in scans
    ]
    return render(
        request,
        "review/unmatched.html",
        {
            "page_obj": page,
            "rows": rows,
            "tabs": tab_counts(request.user),
            "tab": "unmatched",
        },
    )


@require_POST
@needs(Action.DECIDE)
def decide_many(request: PortalRequest) -> HttpResponseBase:
    """Show what a decision would touch; once that is sent, decide each match."""
    verb, expected = request.POST.get("verb", ""), _expected(request)
    back = Queue.from_query(request.GET, request.user).url
    if verb not in _DONE:
        messages.error(request, "Choose what to decide.")
        return redirect(back)
    if not expected:
        messages.error(request, "Select at least one match.")
        return redirect(back)
    applying = "apply" in request.POST
    form = DecisionForm(Verb(verb), request.POST if applying else None)
    if applying and form.is_valid():
        return _apply(request, form, expected, back)
    limit = bulk.bulk_limit(request.user)
    if len(expected) > limit:
        messages.error(request, f"Select at most {limit} matches at once.")
        return redirect(back)
    return render(
        request,
        "review/decide_many.html",
        {
            "form": form,
            "verb": verb,
            "verb_label": _VERBS.get(Verb(verb), ""),
            "expected": expected,
            "preview": _preview(expected),
            "more": max(len(expected) - PREVIEW_ROWS, 0),
            "back": back,
        },
    )


def _apply(
    request: PortalRequest, form: DecisionForm, expected: dict[str, int], back: str
) -> HttpResponseBase:
    try:
        outcome = bulk.bulk_decide(
            expected=expected, user=request.user, decision=form.decision()
        )
    except ReviewError as refused:
        messages.error(request, refused.message)
        return redirect(back)
    missing = len(expected) - len(outcome.done) - len(outcome.refused)
    return render(
        request,
        "review/decided_many.html",
        {
            "outcome": outcome,
            "missing": missing,
            "word": _DONE[form.verb],
            "can_undo": form.verb != Verb.UNDO,
            "back": back,
        },
    )


def _preview(expected: dict[str, int]) -> list[Match]:
    found = Match.objects.filter(uid__in=expected).select_related(
        "recording", "scanned_file"
    )
    return list(found.order_by("-created_at", "-pk")[:PREVIEW_ROWS])


def _expected(request: PortalRequest) -> dict[str, int]:
    """Read what was selected: each match with the version that was shown."""
    expected = {}
    for item in request.POST.getlist("expected"):
        uid, _, version = item.partition(":")
        if version.isdecimal():
            expected[uid] = int(version)
    return expected
