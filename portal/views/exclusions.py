"""Excluding stretches of a recording, always after seeing what that touches."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import Action
from catalogue.models import ExcludedSegment, Recording
from portal import stretches
from portal.access import PortalRequest, needs
from portal.stretches import StretchForm
from review.errors import ReviewError
from review.services import exclusions


@require_http_methods(["GET", "POST"])
@needs(Action.DECIDE)
def exclusion_add(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show what excluding a stretch touches; save it once that has been seen.

    Where the role may not exclude, it is a proposal.
    """
    recording = get_object_or_404(Recording, uid=uid)
    posted = request.method == "POST"
    asked = request.POST if posted else request.GET
    form = StretchForm(recording, asked or None)
    shown = None
    if form.is_valid():
        if posted and _save(request, recording, form):
            return redirect("portal:recording_detail", uid=uid)
        shown = stretches.preview(recording=recording, span=form.span())
    context = {"recording": recording, "form": form, "preview": shown}
    return render(request, "rules/exclusion.html", context)


def _save(request: PortalRequest, recording: Recording, form: StretchForm) -> bool:
    """Exclude or propose the stretch; tell whether it was done."""
    told, user = form.cleaned_data, request.user
    try:
        if user.has_perm(Action.EDIT_CATALOGUE):
            exclusions.exclude(
                recording=recording,
                span=form.span(),
                reason=told["reason"],
                user=user,
                note=told["note"],
                chosen=set(request.POST.getlist("match")),
            )
            messages.success(request, "The stretch is excluded.")
        else:
            exclusions.propose(
                recording=recording,
                span=form.span(),
                reason=told["reason"],
                user=user,
                note=told["note"],
            )
            messages.success(request, "The exclusion is proposed to a manager.")
    except ReviewError as refused:
        form.add_error(None, refused.message)
        return False
    return True


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def exclusion_approve(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show what a proposed exclusion touches; put it in force once that was seen."""
    segment = get_object_or_404(
        ExcludedSegment.objects.select_related("recording"), uid=uid
    )
    recording = segment.recording
    if request.method == "POST":
        try:
            exclusions.approve(
                segment=segment,
                user=request.user,
                chosen=set(request.POST.getlist("match")),
            )
        except ReviewError as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, "The stretch is excluded.")
        return redirect("portal:recording_detail", uid=recording.uid)
    span = (segment.start_ms, segment.end_ms)
    context = {
        "recording": recording,
        "proposed": segment,
        "preview": stretches.preview(recording=recording, span=span),
    }
    return render(request, "rules/exclusion.html", context)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def exclusion_remove(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Take an exclusion away."""
    segment = get_object_or_404(ExcludedSegment, uid=uid)
    try:
        returned = exclusions.remove(
            segment=segment, user=request.user, reason=request.POST.get("reason", "")
        )
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(
            request, f"The stretch counts again; {returned} matches wait again."
        )
    return redirect("portal:recording_detail", uid=segment.recording.uid)
