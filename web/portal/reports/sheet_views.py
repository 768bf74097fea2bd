"""The cue sheet of a file: its lines, its downloads, and the steps to its approval."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST, require_safe

from base.accounts.roles import Action
from base.common.phrases import lowered
from reports import cue_approval, cue_edits, cue_sheets, cue_statement
from reports.cue_approval import SheetStep
from reports.cue_entries import SheetRefused
from reports.cue_sheets import NotScanned
from reports.cues import Cue
from statements.services import hand_out
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import attachment
from web.portal.shared.selectors import find_file

_CUE_SHEET_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
# A programme has fewer; those of a day of a station fill several pages.
CUES_SHOWN = 200
_STEPS = {step.name.lower(): step for step in SheetStep}


class StepForm(forms.Form):
    """One step, the version and the lines of the sheet that its page showed, and a note."""

    step = forms.ChoiceField(choices=[(name, name) for name in _STEPS])
    version = forms.IntegerField(min_value=1)
    read = forms.CharField(required=False)
    note = forms.CharField(
        required=False,
        max_length=4000,
        error_messages={
            "max_length": gettext_lazy(
                "The note has %(show_value)d characters; at most %(limit_value)d are "
                "allowed. Shorten it."
            )
        },
    )


@require_safe
@needs(Action.VIEW)
def cue_sheet(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Show the cue sheet; a file that was not scanned leads back to its page."""
    file = find_file(uid)
    try:
        sheet = cue_sheets.cue_sheet(file=file)
    except NotScanned as error:
        messages.warning(request, str(error))
        return redirect("portal:file_detail", uid=uid)
    approval = cue_approval.approval_of(file)
    ticked = request.GET.get("ticked", "")
    approved = cue_statement.approved_version(str(file.uid))
    context = {
        "file": file,
        "sheet": sheet,
        "read": cue_statement.digest_of_lines(sheet),
        "edits": cue_edits.edits_of(file),
        "idle": {edit.pk for edit in sheet.idle},
        "may_edit": approval.is_open and request.user.has_perm(Action.DECIDE),
        "page_obj": _page(sheet.cues, request.GET.get("page"), ticked),
        "ticked": ticked,
        "approval": approval,
        "steps": [step.name.lower() for step in cue_approval.allowed_steps(approval, request.user)],
        "cannot_sign": cue_approval.why_no_signature(approval, request.user),
        "waiting": cue_approval.waiting_in(file),
        "changed_text": cue_approval.changed_text(),
        "has_changed": cue_approval.has_changed(approval),
        "approved": approved,
        "differences": cue_statement.compared(approved, sheet) if approved else [],
        "draft_number": cue_statement.next_version(cue_statement.last_version(file)),
        "versions": cue_statement.versions_handed_out(str(file.uid)),
    }
    return render(request, "portal/reports/cue_sheet.html", context)


def _page(cues: Sequence[Cue], number: str | None, ticked: str) -> Page[Cue]:
    """Return the asked page of the cues, or else that of the ticked one."""
    place = next((place for place, cue in enumerate(cues) if cue.name == ticked), 0)
    return Paginator(cues, CUES_SHOWN).get_page(number or place // CUES_SHOWN + 1)


@require_POST
@needs(Action.DECIDE)
def cue_sheet_step(request: PortalRequest, uid: uuid.UUID) -> HttpResponseBase:
    """Submit a cue sheet, take it back, answer it, or begin its correction."""
    file = find_file(uid)
    form = StepForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what to do with the cue sheet."))
        return redirect("portal:cue_sheet", uid=uid)
    values = form.cleaned_data
    try:
        approval = cue_approval.take_step(
            file=file,
            user=request.user,
            step=_STEPS[values["step"]],
            version=values["version"],
            note=values["note"],
            read=values["read"],
        )
    except NotScanned as error:
        messages.warning(request, str(error))
        return redirect("portal:file_detail", uid=uid)
    except SheetRefused as refused:
        messages.error(request, refused.message)
    else:
        done = _("%(name)s: %(state)s.") % {
            "name": _("Cue sheet"),
            "state": lowered(approval.get_state_display()),
        }
        messages.success(request, done)
    return redirect("portal:cue_sheet", uid=uid)


@require_safe
@needs(Action.VIEW)
def cue_sheet_version(request: PortalRequest, uid: uuid.UUID, version: int) -> HttpResponseBase:
    """Lead to the page of the statement that keeps a version."""
    versions = cue_statement.versions_of(str(uid))
    return redirect(get_object_or_404(versions, version=version).page_url)


@require_GET
@needs(Action.REPORT)
def cue_sheet_file(request: PortalRequest, uid: uuid.UUID, kind: str) -> HttpResponseBase:
    """Download the approved sheet, or today's as a draft if it is asked for, or alone."""
    approved = cue_statement.approved_version(str(uid))
    if approved is not None and "draft" not in request.GET:
        stored = get_object_or_404(approved.files, format=kind)
        return _sent(hand_out(file=stored, actor=request.user), kind, stored.name)
    file = find_file(uid)
    try:
        sheet = cue_sheets.cue_sheet(file=file)
    except NotScanned as error:
        messages.warning(request, str(error))
        return redirect("portal:file_detail", uid=uid)
    content = cue_statement.hand_out_draft(sheet=sheet, actor=request.user, form=kind)
    return _sent(content, kind, f"{sheet.name}-draft.{kind}")


def _sent(content: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=_CUE_SHEET_TYPES[kind], headers=attachment(name))
