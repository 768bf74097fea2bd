"""Key X of the review page: exclude a stretch of the reference from within a match."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.roles import Action
from portal import review_page, selection, stretches
from portal.access import PortalRequest, needs
from portal.forms import sentence_of
from portal.kept import keeps_typed
from portal.review_page import Draft
from portal.stretches import StretchForm
from portal.views import review
from review.choices import WAITING_STATES
from review.errors import ReviewError
from review.models import Match
from review.services import parts

_SEE_FIRST = "See first what this stretch touches, then exclude it."


@keeps_typed(review.page_of)
@require_http_methods(["GET", "POST"])
@needs(Action.DECIDE)
def exclude(request: PortalRequest, uid: str) -> HttpResponseBase:
    """GET: what a stretch would touch, as part of a page. POST: exclude it.

    Nothing is saved before the preview of just this stretch has been shown.
    """
    match = review.find_match(uid)
    form = StretchForm(match.recording, request.POST or request.GET)
    if request.method == "GET":
        return _preview(request, match, form)
    version = selection.read_version(request.POST.get("version", ""))
    if version is None:
        return _refuse(request, match, "bad_request", review.MISSING_VERSION, 400)
    if not form.is_valid():
        return _refuse(request, match, "bad_stretch", sentence_of(form), 400)
    if "look" in request.POST:
        return _refuse(request, match, "", "", 200)
    changed = review_page.changed_standing(match, request.POST)
    if changed:
        return _refuse(request, match, "gone", changed, 409)
    if request.POST.get("seen") != stretches.seen_mark(form.span()):
        return _refuse(request, match, "preview_first", _SEE_FIRST, 409)
    try:
        decided = parts.exclude_part(
            match=match,
            user=request.user,
            version=version,
            span=form.span(),
            reason=form.cleaned_data["reason"],
            note=form.cleaned_data["note"],
            chosen=set(request.POST.getlist("match")),
        )
    except ReviewError as refused:
        return _refuse(request, match, refused.code, refused.message, 409)
    stays = decided.state in WAITING_STATES[:2]
    return review.answer_decided(request, decided, stays=stays)


def _preview(
    request: PortalRequest, match: Match, form: StretchForm
) -> HttpResponseBase:
    if not form.is_valid():
        context: dict[str, object] = {"fault": sentence_of(form)}
        return render(request, "review/_part_preview.html", context)
    span = form.span()
    shown = stretches.preview(recording=match.recording, span=span)
    context = {"match": match, "preview": shown, "seen": stretches.seen_mark(span)}
    return render(request, "review/_part_preview.html", context)


def _refuse(
    request: PortalRequest, match: Match, code: str, message: str, status: int
) -> HttpResponseBase:
    draft = Draft(
        verb="exclude",
        reason=request.POST.get("reason", ""),
        note=request.POST.get("note", ""),
        code=code,
        message=message,
        posted=request.POST,
    )
    return review.refuse(request, match, draft, status=status)
