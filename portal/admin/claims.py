"""The admin's page for claims: recording a dispute, answering it, releasing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from accounts.roles import Action
from portal import selection
from portal.admin.base import user_of
from portal.dispute_forms import ClaimForm
from review.choices import DisputeVerb
from review.errors import ReviewError
from review.models import Match

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin


def claim(
    request: HttpRequest, pk: int, verb: str, model_admin: ModelAdmin[Match]
) -> HttpResponse:
    """Ask what the step needs, carry it out, and go back to the match."""
    if verb not in DisputeVerb.values:
        raise Http404
    if not request.user.has_perm(Action.DECIDE):
        raise PermissionDenied
    match = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    posted = request.method == "POST"
    form = ClaimForm(DisputeVerb(verb), request.POST if posted else None)
    asked = request.POST if posted else request.GET
    version = selection.read_version(asked.get("version", ""))
    if posted and version is not None and form.is_valid():
        try:
            changed = form.carry_out(
                match=match, user=user_of(request), version=version
            )
        except ReviewError as refused:
            form.add_error(None, refused.message)
        else:
            word = changed.get_state_display().lower()
            messages.success(request, f"{match} is {word}.")
            return redirect("admin:review_match_change", match.pk)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": form.verb.label,
        "subtitle": str(match),
        "match": match,
        "form": form,
        "version": match.version if version is None else version,
    }
    return TemplateResponse(request, "admin/review/match/decide.html", context)
