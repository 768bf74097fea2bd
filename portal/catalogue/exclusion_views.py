"""Excluding intervals of a recording, always after a preview."""

from __future__ import annotations

import contextlib

from django.contrib import messages
from django.db.models import Q
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.roles import Action
from catalogue import selectors
from catalogue.models import Exclusion, Recording
from portal.pictures import exclusion
from portal.pictures.exclusion import IntervalForm
from portal.shared.access import PortalRequest, needs
from portal.shared.consequences import Consequences, consequences_of
from portal.shared.playback import audio_url
from review.decisions import proposals
from review.errors import ReviewError
from review.services import exclusions
from review.services.intervals import Interval

_FIRST_PICKED_MS = 10_000


@require_http_methods(["GET", "POST"])
@needs(Action.DECIDE)
def exclusion_add(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Preview an exclusion; save it on POST.

    Users who may not edit the catalogue propose it instead.
    """
    recording = get_object_or_404(Recording, uid=uid)
    posted = request.method == "POST"
    data = request.POST if posted else request.GET
    picked = (0, min(_FIRST_PICKED_MS, recording.duration_ms))
    initial: dict[str, object] = {"start": picked[0], "end": picked[1]}
    form = IntervalForm(recording, data or None, initial)
    shown = None
    if form.is_valid():
        if posted and _save(request, recording, form):
            return redirect("portal:recording_detail", uid=uid)
        picked = form.interval()
        shown = exclusion.preview(recording=recording, interval=picked)
    context = {"form": form, "preview": shown} | _interval_context(recording, picked)
    if shown is not None:
        # What was refused just now, the form says already.
        context["consequences"] = None
        with contextlib.suppress(ReviewError):
            context["consequences"] = _consequences_of_adding(request, recording, form)
    return render(request, "portal/catalogue/exclusion.html", context)


def _consequences_of_adding(
    request: PortalRequest, recording: Recording, form: IntervalForm
) -> Consequences:
    """Return what the exclusion does once it is in force, proposed or not."""

    def add() -> None:
        proposed = exclusions.propose(
            recording=recording,
            interval=form.interval(),
            reason=form.cleaned_data["reason"],
            user=request.user,
        )
        exclusions.put_in_force(segment=proposed, user=request.user)

    return consequences_of(add, about=Q(recording=recording))


def _interval_context(recording: Recording, picked: Interval) -> dict[str, object]:
    """Return the context that draws and plays the interval; without sound, no picture."""
    if not recording.duration_ms:
        return {"recording": recording}
    excluded = selectors.excluded_segments(recording)
    picture = exclusion.draw(recording, (), excluded, picked)
    return {
        "recording": recording,
        "picture": picture,
        "audio_url": audio_url(recording),
    }


def _save(request: PortalRequest, recording: Recording, form: IntervalForm) -> bool:
    """Exclude or propose the interval; return False if that was refused."""
    values, user = form.cleaned_data, request.user
    try:
        if user.has_perm(Action.EDIT_CATALOGUE):
            exclusions.exclude(
                recording=recording,
                interval=form.interval(),
                reason=values["reason"],
                user=user,
                note=values["note"],
                chosen=set(request.POST.getlist("match")),
            )
            messages.success(request, _("Interval excluded."))
        else:
            exclusions.propose(
                recording=recording,
                interval=form.interval(),
                reason=values["reason"],
                user=user,
                note=values["note"],
            )
            messages.success(request, _("The exclusion was proposed to a manager."))
    except ReviewError as refused:
        form.add_error(None, refused.message)
        return False
    return True


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def exclusion_approve(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Preview a proposed exclusion; approve it on POST."""
    segment = get_object_or_404(Exclusion.objects.select_related("recording"), uid=uid)
    recording = segment.recording
    if request.method == "POST":
        try:
            proposals.approve(
                segment=segment,
                user=request.user,
                chosen=set(request.POST.getlist("match")),
            )
        except ReviewError as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, _("Interval excluded."))
        return redirect("portal:recording_detail", uid=recording.uid)
    interval = (segment.start_ms, segment.end_ms)
    try:
        consequences = consequences_of(
            lambda: exclusions.put_in_force(segment=segment, user=request.user),
            about=Q(recording=recording),
        )
    except ReviewError as refused:
        messages.error(request, refused.message)
        return redirect("portal:recording_detail", uid=recording.uid)
    context = {
        "proposed": segment,
        "preview": exclusion.preview(recording=recording, interval=interval),
        "consequences": consequences,
    } | _interval_context(recording, interval)
    return render(request, "portal/catalogue/exclusion.html", context)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def exclusion_remove(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Preview the end of an exclusion; remove it, or refuse a proposed one, on POST."""
    segment = get_object_or_404(Exclusion.objects.select_related("recording"), uid=uid)
    if request.method == "GET":
        if segment.removed_at is not None:
            raise Http404
        interval = (segment.start_ms, segment.end_ms)
        context = {"segment": segment} | _interval_context(segment.recording, interval)
        if segment.approved:
            context["consequences"] = consequences_of(
                lambda: exclusions.remove(
                    segment=segment, user=request.user, reason="–"
                ),
                about=Q(recording=segment.recording),
            )
        return render(request, "portal/catalogue/exclusion_remove.html", context)
    reason = request.POST.get("reason", "")
    try:
        if segment.approved:
            returned = exclusions.remove(
                segment=segment, user=request.user, reason=reason
            )
            done = ngettext(
                "Exclusion removed. %(n)s match is back in the queue.",
                "Exclusion removed. %(n)s matches are back in the queue.",
                returned,
            ) % {"n": returned}
        else:
            proposals.refuse(segment=segment, user=request.user, note=reason)
            done = _("The exclusion was refused.")
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, done)
    return redirect("portal:recording_detail", uid=segment.recording.uid)
