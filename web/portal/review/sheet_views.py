"""The editor of a cue sheet: the order of cues, merges, splits, cues by hand, uses."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from base.accounts.roles import Action
from base.common.phrases import lowered
from reports import cue_edits
from reports.cue_arrangement import CuePlace
from reports.cue_entries import SheetRefused, remove
from reports.cue_questions import questions_about, questions_of
from reports.cue_sheets import NotScanned
from reports.models import CueEntry, EntryKind
from review.choices import Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.errors import ReviewError
from review.models import Match
from review.selectors import match_by_uid
from scanning.models import ScannedFile
from web.portal.pictures.exclusion import MediaTimeField
from web.portal.review.forms import CueEntryForm, UseManyForm
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.selection import read_version
from web.portal.shared.selectors import find_file


class SplitForm(forms.Form):
    """Where a cue ends and another begins."""

    at = MediaTimeField(
        label=gettext_lazy("The second cue begins at"),
        help_text=gettext_lazy("As 1:02.500, or in seconds"),
    )


_MOVES = {"earlier": -1, "later": 1}
_ASKS: dict[str, type[SplitForm | UseManyForm]] = {"split": SplitForm, "use": UseManyForm}
_TITLES = {"split": gettext_lazy("Split the cue"), "use": gettext_lazy("Set the use")}


@require_POST
@needs(Action.DECIDE)
def cue_sheet_edit(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Change the ticked cues; a split and the use ask for their values first."""
    file = find_file(uid)
    verb, names = request.POST.get("verb", ""), request.POST.getlist("cue")
    places = [place for name in names if (place := CuePlace.read(name)) is not None]
    back = reverse("portal:cue_sheet", args=[uid])
    if not places:
        messages.error(request, _("Tick the cues that should change."))
        return redirect(back)
    form = _ASKS[verb](request.POST if "apply" in request.POST else None) if verb in _ASKS else None
    if form is None or form.is_valid():
        try:
            ticked = _change(request, file, verb, places, form)
        except (NotScanned, SheetRefused, ReviewError) as refused:
            message = getattr(refused, "message", str(refused))
            if form is None:
                messages.error(request, message)
                return redirect(back)
            form.add_error(None, message)
        else:
            return redirect(f"{back}?ticked={ticked}" if ticked else back)
    context = {
        "file": file,
        "form": form,
        "verb": verb,
        "title": _TITLES[verb],
        "cues": names,
        "places": places,
        "count": len(places),
    }
    return render(request, "portal/review/cue_sheet_edit.html", context)


def _change(
    request: PortalRequest,
    file: ScannedFile,
    verb: str,
    places: Sequence[CuePlace],
    form: SplitForm | UseManyForm | None,
) -> str:
    """Change cues as a verb says; return the name of the cue to tick again."""
    user = request.user
    if isinstance(form, UseManyForm):
        done, refused = cue_edits.say_uses(
            file=file, user=user, places=places, change=form.change()
        )
        for refusal in refused:
            messages.error(request, refusal.message)
        sentence = ngettext("The use of %(n)s cue is set.", "The use of %(n)s cues is set.", done)
        messages.success(request, sentence % {"n": done})
        return ""
    if verb == "merge":
        return cue_edits.merge(file=file, user=user, places=places).name
    if verb == "remove":
        _remove_entries(file, places, request)
        return ""
    if verb not in {*_MOVES, "split"} or len(places) != 1:
        raise SheetRefused("not_one", _("Tick one cue."))
    if isinstance(form, SplitForm):
        at_ms = form.cleaned_data["at"]
        cue_edits.split(file=file, user=user, place=places[0], at_ms=at_ms)
        return ""
    return cue_edits.move(file=file, user=user, place=places[0], by=_MOVES[verb]).name


def _remove_entries(file: ScannedFile, places: Sequence[CuePlace], request: PortalRequest) -> None:
    uids = [place.subject for place in places]
    entries = list(CueEntry.objects.filter(scanned_file=file, uid__in=uids))
    if not entries:
        raise SheetRefused(
            "not_entered", _("Only cues that somebody entered are removed. Reject a match instead.")
        )
    for entry in entries:
        remove(entry=entry, user=request.user)


@require_POST
@needs(Action.DECIDE)
def cue_sheet_back(request: PortalRequest, uid: uuid.UUID, edit: str) -> HttpResponseBase:
    """Take back one edit of how the cues are arranged."""
    file = find_file(uid)
    row = get_object_or_404(cue_edits.edits_of(file), uid=edit)
    try:
        cue_edits.take_back(edit=row, user=request.user)
    except SheetRefused as refused:
        messages.error(request, refused.message)
    return redirect("portal:cue_sheet", uid=uid)


@require_POST
@needs(Action.DECIDE)
def cue_sheet_answer(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Take a match instead of an entry of the sheet, or keep the entry."""
    file = find_file(uid)
    answer, name, posted_version = [*request.POST.get("answer", "").split(":"), "", ""][:3]
    match = match_by_uid(Match.objects.filter(scanned_file=file), name)
    questions, version = (questions_of(match) if match else [], read_version(posted_version))
    if match is None or version is None or not questions:
        messages.error(request, _("The sheet has changed; nothing was saved."))
        return redirect("portal:cue_sheet", uid=uid)
    decision = Decision(Verb.REJECT, code=questions[0].refusal)
    if answer == "take":
        decision = Decision(Verb.CONFIRM)
    try:
        decided = decide_one(match=match, version=version, decision=decision, user=request.user)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        state = lowered(decided.get_state_display())
        message = _("%(name)s: %(state)s.") % {"name": match.shown.title, "state": state}
        messages.success(request, message)
    return redirect("portal:cue_sheet", uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.DECIDE)
def cue_sheet_entry(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Add a cue by hand, or change one that somebody entered."""
    file = find_file(uid)
    entry = None
    if "entry" in request.GET:
        entered = CueEntry.objects.filter(scanned_file=file, kind=EntryKind.MUSIC)
        entry = get_object_or_404(entered, uid=request.GET["entry"])
    form = (
        CueEntryForm(request.POST)
        if request.method == "POST"
        else CueEntryForm.of(
            entry, start=entry.start_ms if entry else None, end=entry.end_ms if entry else None
        )
    )
    settled, offered = None, None
    if request.method == "POST" and form.is_valid():
        offered = form.with_plays(file)
    if offered is not None:
        form = offered
    elif request.method == "POST" and form.is_valid():
        try:
            made = form.save(file=file, user=request.user, kind=EntryKind.MUSIC, instead_of=entry)
        except SheetRefused as refused:
            form.add_error(None, refused.message)
            settled = refused.match
        else:
            for question in questions_about(made):
                messages.info(request, question.text)
            return redirect("portal:cue_sheet", uid=uid)
    context = {
        "file": file,
        "form": form,
        "entry": entry,
        "settled": settled,
        "asked": offered is not None or "asked" in request.POST,
    }
    return render(request, "portal/review/cue_sheet_entry.html", context)
