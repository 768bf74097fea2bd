"""Excluding stretches of a recording, always after seeing what that touches."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import Action
from catalogue.models import ExcludedSegment, ExclusionReason, Recording
from portal.access import PortalRequest, needs
from review.errors import ReviewError
from review.services import exclusions

MS = 1000


class ExclusionForm(forms.Form):
    """A stretch of a recording, in seconds, and why it does not count."""

    start = forms.DecimalField(min_value=0, decimal_places=3, label="From, in seconds")
    end = forms.DecimalField(min_value=0, decimal_places=3, label="To, in seconds")
    reason = forms.ChoiceField(choices=ExclusionReason.choices)
    note = forms.CharField(required=False, max_length=1000)

    def __init__(self, recording: Recording, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # the request's own data
        self.recording = recording

    def clean(self) -> dict[str, object]:
        """Ask for a stretch that lies in the recording."""
        told = super().clean() or {}
        if self.errors:
            return told
        start, end = self.span()
        if end <= start:
            self.add_error("end", "The end lies before the start.")
        elif self.recording.duration_ms and end > self.recording.duration_ms:
            self.add_error("end", "The recording is shorter than that.")
        return told

    def span(self) -> tuple[int, int]:
        """Return the stretch in milliseconds."""
        told = self.cleaned_data
        return int(told["start"] * MS), int(told["end"] * MS)


@require_http_methods(["GET", "POST"])
@needs(Action.DECIDE)
def exclusion_add(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show what excluding a stretch touches; save it once that has been seen.

    Where the role may not exclude, it is a proposal.
    """
    recording = get_object_or_404(Recording, uid=uid)
    posted = request.method == "POST"
    asked = request.POST if posted else request.GET
    form = ExclusionForm(recording, asked or None)
    shown = None
    if form.is_valid():
        if posted and _save(request, recording, form):
            return redirect("portal:recording_detail", uid=uid)
        start_ms, end_ms = form.span()
        shown = exclusions.preview(
            recording=recording, start_ms=start_ms, end_ms=end_ms
        )
    context = {"recording": recording, "form": form, "preview": shown}
    return render(request, "rules/exclusion.html", context)


def _save(request: PortalRequest, recording: Recording, form: ExclusionForm) -> bool:
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


@require_POST
@needs(Action.EDIT_CATALOGUE)
def exclusion_approve(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Put a proposed exclusion in force."""
    segment = get_object_or_404(ExcludedSegment, uid=uid)
    try:
        exclusions.approve(segment=segment, user=request.user)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "The stretch is excluded.")
    return redirect("portal:recording_detail", uid=segment.recording.uid)


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
