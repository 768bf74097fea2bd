"""Pages of a picked range of a file: enter a cue or note, or add a recording."""

from __future__ import annotations

import uuid

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from base.accounts.roles import Action
from base.common.media_analysis import AudioRefused
from base.common.reading import read_clock
from catalogue.changes import ChangeRefused
from catalogue.identifiers import BadIdentifier
from dedup.intake import AlreadyInCatalogue
from dedup.ranges import add_from_file
from reports.cue_entries import SheetRefused
from reports.cue_questions import questions_about
from reports.models import CueEntry, EntryKind
from review.intervals import Interval
from scanning.excerpts import Excerpt
from scanning.models import ScannedFile
from web.portal.pictures.exclusion import MediaTimeField
from web.portal.pictures.sound import sound_around
from web.portal.review.forms import RangeEntryForm, RangeRecordingForm
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.playback import audio_url, read_track
from web.portal.shared.selectors import find_file


class _RangeForm(forms.Form):
    start, end = MediaTimeField(), MediaTimeField()


@require_http_methods(["GET", "POST"])
@needs(Action.DECIDE)
def file_range(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Say what is heard in a range of a file; it becomes a cue, or a note."""
    file = find_file(uid)
    picked = _picked(request, file)
    if picked is None:
        return _ask_again(request, file)
    start, end = picked
    entry = CueEntry.objects.filter(scanned_file=file, start_ms=start, end_ms=end)
    form = (
        RangeEntryForm(request.POST)
        if request.method == "POST"
        else RangeEntryForm.of(entry.first(), start=start, end=end)
    )
    settled, offered = None, None
    if request.method == "POST" and form.is_valid():
        offered = form.with_plays(file)
    if offered is not None:
        form = offered
    elif request.method == "POST" and form.is_valid():
        try:
            made = form.save(file=file, user=request.user, kind=form.kind)
        except SheetRefused as refused:
            form.add_error(None, refused.message)
            settled = refused.match
        else:
            messages.success(request, _saved(made, form.kind))
            for question in questions_about(made):
                messages.info(request, question.text)
            return redirect(_next(request), uid=uid)
    context = _context(request, file, picked, form)
    context |= {"entry": entry.first(), "settled": settled}
    context["asked"] = offered is not None or "asked" in request.POST
    return render(request, "portal/review/range.html", context)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def file_range_recording(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Add the sound of a range of a file to the catalogue."""
    file = find_file(uid)
    picked = _picked(request, file)
    if picked is None:
        return _ask_again(request, file)
    form = RangeRecordingForm(
        request.POST if request.method == "POST" else None,
        initial={"start": picked[0], "end": picked[1]},
    )
    existing = None
    if request.method == "POST" and form.is_valid():
        try:
            recording = add_from_file(
                excerpt=Excerpt(
                    file, form.cleaned_data["start"], form.cleaned_data["end"], read_track(request)
                ),
                bucket=form.bucket_chosen,
                details=form.details(),
                user=request.user,
                answer=form.cleaned_data["if_there"],
            )
        except AlreadyInCatalogue as error:
            existing = error
            name = error.field if error.field in form.fields else None
            form.add_error(name, str(error))
        except (AudioRefused, BadIdentifier, ChangeRefused) as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(
                request,
                _("%(title)s is added and being fingerprinted.") % {"title": recording.full_title},
            )
            return redirect("portal:recording_detail", uid=recording.uid)
    if existing is None or not existing.may_add:
        del form.fields["if_there"]
    context = _context(request, file, picked, form)
    return render(request, "portal/review/range.html", context | {"existing": existing})


def _picked(request: PortalRequest, file: ScannedFile) -> Interval | None:
    """Return the range in the address; None unless it is one of the file."""
    form = _RangeForm(request.GET)
    if not form.is_valid():
        return None
    start, end = form.cleaned_data["start"], form.cleaned_data["end"]
    return (start, end) if file.contains(start, end) else None


def _ask_again(request: PortalRequest, file: ScannedFile) -> HttpResponseBase:
    messages.error(request, _("Enter an interval within the file: its start comes before its end."))
    return redirect("portal:file_detail", uid=file.uid)


def _saved(entry: CueEntry, kind: EntryKind) -> str:
    names = {"what": entry, "at": read_clock(entry.start_ms)}
    if kind == EntryKind.NOTE:
        return _("The note at %(at)s is saved.") % names
    return _("%(what)s at %(at)s is saved for the cue sheet.") % names


def _next(request: PortalRequest) -> str:
    is_walk = request.GET.get("from") == "review"
    return "portal:file_review" if is_walk else "portal:file_detail"


def _context(
    request: PortalRequest, file: ScannedFile, picked: Interval, form: forms.Form
) -> dict[str, object]:
    return {
        "file": file,
        "form": form,
        "start": picked[0],
        "end": picked[1],
        "sound": sound_around(file, *picked, audio_url(file, read_track(request))),
        "back": _next(request),
    }
