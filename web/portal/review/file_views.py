"""Reviews one file in the order of time: its matches, unknown sound, and the rest."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from base.accounts.roles import Action
from reports.cue_entries import SheetRefused, remove, remove_plays
from reports.cue_repeats import other_plays
from reports.cue_sheets import NotScanned
from reports.models import CueEntry
from review.timeline import places_of_item
from scanning import selectors as scanning_selectors
from scanning.models import ScannedFile
from web.portal.pictures.sound import sound_alone, sound_around
from web.portal.review.file_rows import CueRow, rows_in
from web.portal.review.forms import CueEntryForm
from web.portal.review.page import last_of
from web.portal.shared.access import PortalRequest, needs, wants_json
from web.portal.shared.changes import answer_changes, known_rows
from web.portal.shared.fields import sentence_of
from web.portal.shared.lists import PAGE_SIZE
from web.portal.shared.playback import audio_url

_ROWS = 2 * PAGE_SIZE
"""The rows of a page: as many as ``known_rows`` reads."""
_PLAYS = 12
_UNDO = "undo"


@require_safe
@never_cache
@needs(Action.VIEW)
def file_review(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Walk through the music of a file; a file that was not scanned leads to its page."""
    file = _file(uid)
    try:
        rows = rows_in(file, request.user)
    except NotScanned as error:
        messages.warning(request, str(error))
        return redirect("portal:file_detail", uid=uid)
    page = Paginator(rows, _ROWS).get_page(request.GET.get("page"))
    context = {
        "file": file,
        "page_obj": page,
        "rows": page.object_list,
        "total": _total(rows),
        "open": _open(rows),
        "may_decide": request.user.has_perm(Action.DECIDE),
    }
    return render(request, "portal/review/file_review.html", context)


def _open(rows: Sequence[CueRow]) -> int:
    """Count the open subjects; the rows of one match count once."""
    return len({row.subject for row in rows if not row.is_done})


def _total(rows: Sequence[CueRow]) -> int:
    """Count the rows without rejected matches.

    Rejecting a match adds a row, and open pages need not reload for it.
    """
    return sum(not row.is_judged for row in rows)


@require_safe
@never_cache
@needs(Action.VIEW)
def file_review_changes(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Return what changed in an open walk through a file; 304 if nothing did."""
    file, page_tokens = _file(uid), known_rows(request)
    try:
        rows = rows_in(file, request.user)
    except NotScanned:
        rows = []
    rows_by_name = {row.name: row for row in rows if row.name in page_tokens}

    def draw(names: Sequence[str]) -> dict[str, str]:
        template = "portal/review/_file_row.html"
        return {
            name: render_to_string(template, {"row": rows_by_name[name]}, request) for name in names
        }

    return answer_changes(
        request,
        page_tokens=page_tokens,
        now={name: row.token for name, row in rows_by_name.items()},
        draw=draw,
        counts=lambda: {"total": _total(rows), "open": _open(rows)},
    )


@require_safe
@never_cache
@needs(Action.VIEW)
def file_review_sound(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Show sound that no match names, beside the list: it, its other plays, the verbs."""
    file = _file(uid)
    row = _sound_row(file, request)
    item = row.cue.item if row.cue else None
    places = []
    if item is not None:
        places = [
            sound_alone(of, start, end, audio_url(of))
            for of, start, end in places_of_item(item.uid, file, (row.start_ms, row.end_ms), _PLAYS)
        ]
    here = reverse("portal:file_review", args=[uid])
    may_decide = request.user.has_perm(Action.DECIDE)
    span = (row.start_ms, row.end_ms)
    again = other_plays(file, span) if may_decide and row.entry is None else []
    context = {
        "file": file,
        "row": row,
        "item": item,
        "places": places,
        "sound": sound_around(file, row.start_ms, row.end_ms),
        "form": CueEntryForm.of(
            row.entry or row.noted, start=row.start_ms, end=row.end_ms, plays=again
        ),
        "again": again,
        "may_decide": may_decide,
        "here": here,
        "last": last_of(request, here),
        "only_bar": "bar" in request.GET,
        "query": f"?list={here}",
    }
    return render(request, "portal/review/sound.html", context)


@require_POST
@needs(Action.DECIDE)
def file_review_entry(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Enter what is heard in an interval, or take an entry back; twice is once."""
    file, form = _file(uid), CueEntryForm(request.POST)
    if not form.is_valid():
        return _refuse(request, file, "bad_request", sentence_of(form))
    start, end = form.cleaned_data["start"], form.cleaned_data["end"]
    verb = request.POST.get("verb", "")
    at = CueEntry.objects.filter(scanned_file=file, start_ms=start, end_ms=end).first()
    try:
        if verb == _UNDO:
            if at is not None:
                take_off = remove_plays if "all" in request.POST else remove
                take_off(entry=at, user=request.user)
            at = None
        else:
            at = form.save(file=file, user=request.user, kind=form.kind)
    except SheetRefused as refused:
        return _refuse(request, file, refused.code, refused.message)
    if not wants_json(request):
        return redirect("portal:file_review", uid=uid)
    seen = request.POST.get("seen", "")
    answer = {
        "uid": f"{start}-{end}",
        "version": 0,
        "last": render_to_string(
            "portal/review/_last_entry.html", {"file": file, "entry": at}, request
        )
        if at
        else "",
        # Another interval than the row's moves the rows beside it, other plays are rows.
        "moves": "also" in request.POST or (bool(seen) and seen != f"{start}-{end}"),
    }
    return JsonResponse(answer)


def _refuse(request: PortalRequest, file: ScannedFile, code: str, message: str) -> HttpResponseBase:
    if wants_json(request):
        return JsonResponse({"code": code, "message": message}, status=409)
    messages.error(request, message)
    return redirect("portal:file_review", uid=file.uid)


def _sound_row(file: ScannedFile, request: PortalRequest) -> CueRow:
    """Return the row that the address names; 404 if the sheet has none any more."""
    interval = f"{request.GET.get('start', '')}-{request.GET.get('end', '')}"
    try:
        rows = rows_in(file, request.user)
    except NotScanned as error:
        raise Http404 from error
    for row in rows:
        if row.is_sound and row.subject == interval:
            return row
    raise Http404


def _file(uid: uuid.UUID) -> ScannedFile:
    return get_object_or_404(scanning_selectors.files().select_related("container"), uid=uid)
