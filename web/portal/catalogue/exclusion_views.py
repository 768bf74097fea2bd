"""Excluding intervals of a recording, always after a preview."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from base.accounts.roles import Action
from catalogue import selectors
from catalogue.models import Exclusion, Recording
from review.decisions import proposals
from review.errors import ReviewError
from review.intervals import Interval
from review.services import exclusions
from web.portal.pictures import exclusion
from web.portal.pictures.exclusion import IntervalForm
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import not_agreed
from web.portal.shared.playback import audio_url

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
    effect = consequences = None
    if form.is_valid():
        add = partial(_put_in_force, request, recording, form)
        try:
            # A proposal changes nothing until a manager approves it.
            if posted and not request.user.has_perm(Action.EDIT_CATALOGUE):
                return _save(request, recording, form)
            consequences = not_agreed(request, add, about=exclusions.counted_by(recording))
            if consequences is None:
                return _save(request, recording, form)
        except ReviewError as refused:
            form.add_error(None, refused.message)
        picked = form.interval()
        effect = exclusion.preview(recording=recording, interval=picked)
    context = {
        "form": form,
        "preview": effect,
        "consequences": consequences,
        "is_outdated": posted,
    } | _interval_context(recording, picked)
    return render(request, "portal/catalogue/exclusion.html", context)


def _put_in_force(request: PortalRequest, recording: Recording, form: IntervalForm) -> None:
    """Put the exclusion in force, to see what it does; a proposal may need approval."""
    proposed = exclusions.propose(
        recording=recording,
        interval=form.interval(),
        reason=form.cleaned_data["reason"],
        user=request.user,
    )
    exclusions.put_in_force(segment=proposed, user=request.user)


def _interval_context(recording: Recording, picked: Interval) -> dict[str, object]:
    """Return the context that draws and plays the interval; without sound, no picture."""
    if not recording.duration_ms:
        return {"recording": recording}
    excluded = selectors.excluded_segments(recording)
    picture = exclusion.draw(recording, (), excluded, picked)
    return {"recording": recording, "picture": picture, "audio_url": audio_url(recording)}


def _save(request: PortalRequest, recording: Recording, form: IntervalForm) -> HttpResponseBase:
    """Exclude or propose the interval, and return to the recording."""
    act: Callable[..., object] = exclusions.propose
    done = _("The exclusion was proposed to a manager.")
    if request.user.has_perm(Action.EDIT_CATALOGUE):
        act = partial(exclusions.exclude, chosen=set(request.POST.getlist("match")))
        done = _("Interval excluded.")
    act(
        recording=recording,
        interval=form.interval(),
        reason=form.cleaned_data["reason"],
        user=request.user,
        note=form.cleaned_data["note"],
    )
    messages.success(request, done)
    return redirect("portal:recording_detail", uid=recording.uid)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def exclusion_approve(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Preview a proposed exclusion; approve it on POST."""
    segment = get_object_or_404(Exclusion.objects.select_related("recording"), uid=uid)
    recording = segment.recording
    posted = request.method == "POST"
    approve = partial(exclusions.put_in_force, segment=segment, user=request.user)
    try:
        if posted:
            exclusions.refuse_answer(segment=segment, user=request.user)
        consequences = not_agreed(request, approve, about=exclusions.counted_by(recording))
        if consequences is None:
            proposals.approve(
                segment=segment, user=request.user, chosen=set(request.POST.getlist("match"))
            )
            messages.success(request, _("Interval excluded."))
    except ReviewError as refused:
        messages.error(request, refused.message)
        consequences = None
    if consequences is None:
        return redirect("portal:recording_detail", uid=recording.uid)
    interval = (segment.start_ms, segment.end_ms)
    context = {
        "proposed": segment,
        "preview": exclusion.preview(recording=recording, interval=interval),
        "consequences": consequences,
        "is_outdated": posted,
    } | _interval_context(recording, interval)
    return render(request, "portal/catalogue/exclusion.html", context)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def exclusion_remove(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Preview the end of an exclusion; remove it, or refuse a proposed one, on POST."""
    segment = get_object_or_404(Exclusion.objects.select_related("recording"), uid=uid)
    posted = request.method == "POST"
    if not posted and segment.removed_at is not None:
        raise Http404
    consequences = None
    try:
        if segment.approved:
            remove = partial(exclusions.remove, segment=segment, user=request.user, reason="–")
            about = exclusions.counted_by(segment.recording)
            consequences = not_agreed(request, remove, about=about)
        if posted and consequences is None:
            _end(request, segment)
    except ReviewError as refused:
        messages.error(request, refused.message)
        consequences = None
    if posted and consequences is None:
        return redirect("portal:recording_detail", uid=segment.recording.uid)
    interval = (segment.start_ms, segment.end_ms)
    context = {
        "segment": segment,
        "consequences": consequences,
        "is_outdated": posted,
        "reason": request.POST.get("reason", ""),
    } | _interval_context(segment.recording, interval)
    return render(request, "portal/catalogue/exclusion_remove.html", context)


def _end(request: PortalRequest, segment: Exclusion) -> None:
    """Remove an exclusion, or refuse a proposed one."""
    reason = request.POST.get("reason", "")
    if not segment.approved:
        proposals.refuse(segment=segment, user=request.user, note=reason)
        messages.success(request, _("The exclusion was refused."))
        return
    returned = exclusions.remove(segment=segment, user=request.user, reason=reason)
    messages.success(
        request,
        ngettext(
            "Exclusion removed. %(n)s match is back in the queue.",
            "Exclusion removed. %(n)s matches are back in the queue.",
            returned,
        )
        % {"n": returned},
    )
