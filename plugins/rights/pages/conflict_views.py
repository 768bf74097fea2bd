"""Views that list, show and settle conflicts between claims, and export a source's claims."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.limits import costly
from base.accounts.roles import Action
from catalogue.owners.choices import ConflictState
from catalogue.owners.models import Conflict
from catalogue.owners.selectors import conflicts_in_reach
from plugins.rights import exporting
from plugins.rights.actions import base, conflicts
from plugins.rights.errors import RightsRefused
from plugins.rights.pages import page
from plugins.rights.pages.forms import (
    ConflictFilterForm,
    RightsExportForm,
    SettleForm,
    valid_values,
)
from reports.choices import Format
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import sent
from web.portal.shared.lists import page_of, sorted_by
from web.portal.shared.selection import read_version, unpack

# The choice of no claim: leave the conflict as it is.
_LEAVE: Final = "-"


@require_safe
@needs(Action.VIEW)
def conflict_list(request: PortalRequest) -> HttpResponseBase:
    """List conflicts: open ones, those that people settled, and those that went."""
    filters = ConflictFilterForm(request.GET)
    filters.is_valid()
    rows = page.listed_conflicts(filters)
    here = rows.filter(state=filters.tab)
    columns = {"opened": "opened_at"}
    page_obj = page_of(request, sorted_by(request, here, columns, default="-opened"))
    context = {
        "filters": filters,
        "tab": filters.tab,
        "tabs": page.tab_counts(rows),
        "page_obj": page_obj,
        "rows": page.conflict_rows(list(page_obj)),
        "may_edit": request.user.has_perm(Action.EDIT_CATALOGUE),
    }
    if filters.cleaned_data.get("of") and filters.tab == ConflictState.OPEN:
        of_record = list(here[: conflicts.BULK_LIMIT])
        if of_record:
            subject = of_record[0].subject
            context["subject"] = subject
            context["subject_url"] = page.url_of(subject)
            context["all_form"] = page.settle_all_form(of_record)
    return render(request, "portal/rights/conflicts.html", context)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def conflict_many(request: PortalRequest) -> HttpResponseBase:
    """Settle the ticked conflicts, or all of one record as a person saw them."""
    seen = unpack([request.POST.get("seen", "")])
    uids = [*request.POST.getlist("conflict"), *seen][: conflicts.BULK_LIMIT]
    rows = list(conflicts_in_reach().filter(uid__in=uids))
    # A source begins with "=", as in a choice.
    source = request.POST.get("source", "")
    if not rows:
        messages.error(request, _("Tick at least one conflict first."))
        return redirect("portal:rights_conflicts")
    done, refusals = conflicts.settle_many(
        conflicts=rows,
        user=request.user,
        note=request.POST.get("note", ""),
        believed=source[1:] if source else None,
        revisions=seen,
    )
    for refusal in refusals:
        messages.error(request, refusal)
    if done:
        message = ngettext("%(n)s conflict is settled.", "%(n)s conflicts are settled.", done)
        messages.success(request, message % {"n": done})
    back = redirect("portal:rights_conflicts")
    if seen and refusals:
        back["Location"] += f"?of={rows[0].subject.uid}"
    return back


@require_safe
@needs(Action.VIEW)
def conflict(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one conflict: what contradicts, who says so, and what may be done."""
    return _show_conflict(request, _conflict(uid))


@require_POST
@needs(Action.EDIT_CATALOGUE)
def conflict_settle(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Settle a conflict, or undo that."""
    row = _conflict(uid)
    try:
        if request.POST.get("verb") == "undo":
            revision = read_version(request.POST.get("revision", "")) or 0
            conflicts.reopen(conflict=row, user=request.user, revision=revision)
            messages.success(request, _("The conflict is open again."))
            return redirect("portal:rights_conflict", uid=uid)
        form = _settle_form(row, request)
        values = valid_values(form)
        # A choice begins with "=", because a person as source has an empty name.
        chosen = values.get("choice", _LEAVE)
        choice = None if chosen == _LEAVE else chosen[1:]
        conflicts.settle(
            conflict=row,
            user=request.user,
            revision=values["revision"],
            choice=choice,
            note=values["note"],
        )
    except RightsRefused as refused:
        return _show_conflict(request, row, problem=str(refused))
    messages.success(request, _("The conflict is settled."))
    return redirect("portal:rights_conflicts")


def _settle_form(row: Conflict, request: PortalRequest) -> SettleForm:
    initial = {"revision": row.revision, "choice": _LEAVE}
    form = SettleForm(request.POST or None, initial=initial)
    offered = page.choices_of(row)
    if offered:
        offered = [*offered, (_LEAVE, str(_("None of them: leave it as it is")))]
        form.fields["choice"].choices = offered  # type: ignore[attr-defined]  # a choice
    else:
        del form.fields["choice"]
        form.fields["note"].required = True
        form.fields["note"].help_text = _("Say why it may stay as it is.")
    return form


def _show_conflict(request: PortalRequest, row: Conflict, *, problem: str = "") -> HttpResponseBase:
    refusal = base.why_not(record=row, user=request.user)
    context = {
        "conflict": row,
        "problem": problem,
        "subject": row.subject,
        "subject_url": page.url_of(row.subject),
        "said": page.in_short(row),
        "cells": page.cell_rows(row),
        "more": max(0, row.evidence.get("count", 0) - len(row.evidence.get("cells", []))),
        "values": page.choices_of(row),
        "other_works": page.other_works(row),
        "chosen": page.chosen_label(row),
        "refusal": refusal,
        "may_settle": not refusal and row.state == ConflictState.OPEN,
        "may_undo": not refusal and row.state == ConflictState.SETTLED,
        "form": _settle_form(row, request),
        "events": page.history(f"conflict:{row.uid}"),
    }
    status = 409 if problem else 200
    return render(request, "portal/rights/conflict.html", context, status=status)


def _conflict(uid: str) -> Conflict:
    return get_object_or_404(conflicts_in_reach(), uid=uid)


@costly("GET", "POST")
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.REPORT)
def rights_export(request: PortalRequest) -> HttpResponseBase:
    """Ask for a source, and send its claims as a table."""
    sources = exporting.sources()
    form = RightsExportForm(request.POST or None, sources=page.source_choices(sources))
    if form.is_valid():
        source = str(form.cleaned_data["source"]).removeprefix("=")
        pieces = exporting.as_csv(source=source, user=request.user)
        return sent(pieces, name="rights", form=Format.CSV)
    context = {"form": form, "has_sources": bool(sources)}
    return render(request, "portal/rights/export.html", context)
