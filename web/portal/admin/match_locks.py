"""Notes on a match and its review lock in the admin: what its review page also offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from base.accounts.roles import Action
from review.errors import ReviewError
from review.models import Match
from review.services import locks, transitions
from web.portal.admin.base import user_of
from web.portal.shared import drafts

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


def add_note(request: HttpRequest, pk: int, model_admin: ModelAdmin[Match]) -> HttpResponse:
    """Add a note to the match's history."""
    match = _match(request, pk, model_admin)
    # The note that was sent after the session had ended.
    draft = drafts.take(request) if request.method == "GET" else None
    if draft is not None:
        messages.warning(request, drafts.message())
        return _back(match, note=draft.get("note", ""))
    if request.method != "POST":
        return _back(match)
    note = request.POST.get("note", "")
    try:
        transitions.add_note(match=match, user=user_of(request), note=note)
    except ReviewError as refused:
        messages.error(request, refused.message)
        return _back(match, note=note)
    messages.success(request, _("Note added to the history."))
    return _back(match)


def change_lock(request: HttpRequest, pk: int, model_admin: ModelAdmin[Match]) -> HttpResponse:
    """Take over the review lock of another person, or release the lock."""
    match = _match(request, pk, model_admin)
    if request.method != "POST":
        return _back(match)
    try:
        if "break" in request.POST:
            locks.take_lock(match=match, user=user_of(request), break_lock=True)
        else:
            locks.release_lock(match=match, user=user_of(request))
            messages.success(request, _("Review lock released."))
    except ReviewError as refused:
        messages.error(request, refused.message)
    return _back(match)


def _match(request: HttpRequest, pk: int, model_admin: ModelAdmin[Match]) -> Match:
    if not request.user.has_perm(Action.DECIDE):
        raise PermissionDenied
    return get_object_or_404(model_admin.get_queryset(request), pk=pk)


def _back(match: Match, *, note: str = "") -> HttpResponse:
    query = {"note": note[: transitions.MAX_NOTE_CHARS]} if note else None
    return redirect(reverse("admin:review_match_change", args=[match.pk], query=query))
