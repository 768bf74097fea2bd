"""Views that show and change works, parties, releases and recordings with rights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.models import User
from base.accounts.roles import Action
from catalogue.models import Recording
from catalogue.owners.choices import TitleKind
from catalogue.owners.models import Party, Release, RightsRecording, Share, Work
from catalogue.owners.selectors import (
    parties_in_reach,
    recordings_in_reach,
    releases_in_reach,
    works_in_reach,
)
from plugins.rights import selectors
from plugins.rights.actions import base, merging, parts, records, undoing
from plugins.rights.actions.base import Case
from plugins.rights.errors import RightsRefused
from plugins.rights.pages import page
from plugins.rights.pages.forms import (
    MergePartyForm,
    MergeWorkForm,
    PartyForm,
    RecordingShareForm,
    ReleaseForm,
    RightsSplitForm,
    TitleForm,
    WorkForm,
    WorkShareForm,
    valid_values,
)
from plugins.rights.pages.lists import SHARES
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import Question, ask_before, only_statements
from web.portal.shared.fields import OneRecordingForm, offer_without
from web.portal.shared.selection import read_version

Editable = TypeVar("Editable", Work, Party, Release)
# Any: a record, and the one that comes next.
Verbs = Mapping[str, Callable[[PortalRequest, Any], tuple[str, Any]]]

_FORMS: Final[Mapping[type[Model], type[forms.ModelForm[Any]]]] = {
    Work: WorkForm,
    Party: PartyForm,
    Release: ReleaseForm,
}
_NEW: Final[Mapping[type[Model], str | Promise]] = {
    Work: gettext_lazy("Add a work"),
    Party: gettext_lazy("Add a party"),
    Release: gettext_lazy("Add a release"),
}
_EDIT: Final[Mapping[type[Model], str | Promise]] = {
    Work: gettext_lazy("Edit the work"),
    Party: gettext_lazy("Edit the party"),
    Release: gettext_lazy("Edit the release"),
}
_LISTS: Final[Mapping[type[Model], tuple[str | Promise, str]]] = {
    Work: (gettext_lazy("Works"), "portal:work_list"),
    Party: (gettext_lazy("Parties"), "portal:party_list"),
    Release: (gettext_lazy("Releases"), "portal:release_list"),
    RightsRecording: (gettext_lazy("Rights"), "portal:work_list"),
}

_SUBMITS: Final[Mapping[str, str | Promise]] = {
    "merge": gettext_lazy("Merge"),
    "split": gettext_lazy("Split"),
    "undo": gettext_lazy("Undo"),
    "title": gettext_lazy("Add"),
    "link": gettext_lazy("Add"),
    "unlink": gettext_lazy("Remove"),
    "share_out": gettext_lazy("Remove"),
}


# --- Records -------------------------------------------------------------------------


@require_safe
@needs(Action.VIEW)
def work(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one work: titles, shares, recordings, conflicts, history."""
    return _show_work(request, _work(uid))


@require_safe
@needs(Action.VIEW)
def party(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one party and its shares."""
    return _show_party(request, _party(uid))


@require_safe
@needs(Action.VIEW)
def release(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one release and its tracks."""
    return _show_release(request, _release(uid))


@require_safe
@needs(Action.VIEW)
def recording(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the rights of one recording, also without sound here."""
    return _show_recording(request, _sound(uid))


def _show_work(request: PortalRequest, row: Work, problem: str = "") -> HttpResponseBase:
    context = {
        "titles": row.titles.order_by("pk"),
        "numbers": row.numbers.order_by("pk"),
        "sounds": page.sound_rows(row),
        "statements": selectors.statements_of(row),
        "title_form": TitleForm(auto_id="title_%s"),
        "link_form": OneRecordingForm(auto_id="link_%s"),
        "merge_form": offer_without(MergeWorkForm(auto_id="merge_%s"), "into", row.uid),
        "split_form": RightsSplitForm(auto_id="split_%s", initial={"title": row.title}),
    }
    return _show(request, "work", row, problem, context)


def _show_party(request: PortalRequest, row: Party, problem: str = "") -> HttpResponseBase:
    context = {
        **SHARES.page(request, selectors.shares_of_party(row)),
        "merge_form": offer_without(MergePartyForm(auto_id="merge_%s"), "into", row.uid),
    }
    return _show(request, "party", row, problem, context)


def _show_release(request: PortalRequest, row: Release, problem: str = "") -> HttpResponseBase:
    context = {
        "sounds": page.sound_rows(row),
        "statements": selectors.statements_of(row),
        "link_form": OneRecordingForm(auto_id="link_%s"),
    }
    return _show(request, "release", row, problem, context)


def _show_recording(
    request: PortalRequest, row: RightsRecording, problem: str = ""
) -> HttpResponseBase:
    context = {
        "here": page.catalogue_rows(row),
        "works": works_in_reach().filter(recordings=row, merged_into=None),
        "releases": releases_in_reach().filter(recordings=row),
        "statements": selectors.statements_of(row),
    }
    return _show(request, "recording", row, problem, context)


def _show(
    request: PortalRequest, name: str, row: Case, problem: str, context: Mapping[str, object]
) -> HttpResponseBase:
    page_context = page.record_context(row, request.user) | {"problem": problem, **context}
    status = 409 if problem else 200
    return render(request, f"portal/rights/{name}.html", page_context, status=status)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def of_recording(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Lead to the rights of a catalogue recording; make room for them if need be."""
    record = parts.record_of(get_object_or_404(Recording, uid=uid))
    return redirect("portal:rights_recording", uid=record.uid)


# --- Forms ---------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def work_create(request: PortalRequest) -> HttpResponseBase:
    """Add a work."""
    return _form(request, Work())


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def work_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Edit a work."""
    return _form(request, _work(uid))


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def party_create(request: PortalRequest) -> HttpResponseBase:
    """Add a party."""
    return _form(request, Party())


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def party_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Edit a party, and say whether its shares are ours."""
    return _form(request, _party(uid))


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def release_create(request: PortalRequest) -> HttpResponseBase:
    """Add a release."""
    return _form(request, Release())


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def release_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Edit a release."""
    return _form(request, _release(uid))


def _form(request: PortalRequest, row: Editable) -> HttpResponseBase:
    is_new = row._state.adding
    # A form that is refused leaves its values in the row.
    name = "" if is_new else str(row)
    form = _FORMS[type(row)](request.POST or None, instance=row, initial={"revision": row.revision})
    if request.method == "POST" and form.is_valid():
        values = form.values()  # type: ignore[attr-defined]  # each of the forms has it
        try:
            target = _save(row, values, form.cleaned_data["revision"], request.user)
        except RightsRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("%(name)s was saved.") % {"name": target})
            return redirect(page.url_of(target))
    heading = _NEW[type(row)] if is_new else _EDIT[type(row)]
    return _show_form(request, form, row, heading, name)


def _show_form(
    request: PortalRequest, form: forms.BaseForm, row: Case, heading: str | Promise, name: str
) -> HttpResponseBase:
    is_new = row._state.adding
    list_title, list_name = _LISTS[type(row)]
    context = {
        "form": form,
        "refusal": "" if is_new else base.why_not(record=row, user=request.user),
        "heading": heading,
        "sub": name,
        "cancel_url": reverse(list_name) if is_new else page.url_of(row),
        "list_url": reverse(list_name),
        "list_title": list_title,
    }
    status = 422 if form.errors else 200
    return render(request, "portal/rights/form.html", context, status=status)


def _save(
    row: Editable,
    values: Mapping[str, Any],  # Any: a column's value
    revision: int | None,
    user: User,
) -> Editable:
    if row._state.adding:
        for name, value in values.items():
            setattr(row, name, value)
        return records.create(record=row, user=user)
    records.edit(record=row, user=user, revision=revision or 0, values=values)
    return row


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def work_share(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Add a share of a work."""
    return _share(request, _work(uid), WorkShareForm(request.POST or None))


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def recording_share(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Add a share of a recording."""
    return _share(request, _sound(uid), RecordingShareForm(request.POST or None))


def _share(
    request: PortalRequest, row: Work | RightsRecording, form: WorkShareForm | RecordingShareForm
) -> HttpResponseBase:
    if request.method == "POST" and form.is_valid():
        try:
            share = parts.add_share(record=row, user=request.user, details=form.details())
        except RightsRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("%(share)s was added.") % {"share": share})
            return redirect(page.url_of(row))
    return _show_form(request, form, row, _("Add a share"), str(row))


# --- Actions -------------------------------------------------------------------------


@require_POST
@needs(Action.EDIT_CATALOGUE)
def work_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Do something with a work; a refusal shows its page again."""
    verbs: Verbs = {
        "title": _add_title,
        "link": _link,
        "unlink": _unlink,
        "share_out": _take_out,
        "merge": _merge_work,
        "split": _split_work,
        "undo": _undo,
    }
    return _act(request, _work(uid), verbs, _show_work)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def party_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Merge a party into another one, or undo."""
    verbs: Verbs = {"merge": _merge_party, "undo": _undo}
    return _act(request, _party(uid), verbs, _show_party)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def release_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Add or take out a track, or undo."""
    verbs: Verbs = {"link": _link, "unlink": _unlink, "undo": _undo}
    return _act(request, _release(uid), verbs, _show_release)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def recording_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Take out a share of a recording, or undo."""
    verbs: Verbs = {"share_out": _take_out, "undo": _undo}
    return _act(request, _sound(uid), verbs, _show_recording)


def _act(
    request: PortalRequest,
    row: Case,
    verbs: Verbs,
    show: Callable[[PortalRequest, Any, str], HttpResponseBase],  # Any: a record
) -> HttpResponseBase:
    """Carry out the posted verb and lead to the record that comes next."""
    verb = verbs.get(request.POST.get("verb", ""))
    if verb is None:
        return show(request, row, _("Choose what to do."))

    def act() -> tuple[str, Any]:  # Any: a record
        # What a preview wrote is taken back, but not from the rows that it read.
        return verb(request, type(row)._default_manager.get(pk=row.pk))

    try:
        confirmation = _ask_about_statements(request, row, act)
        if confirmation is not None:
            return confirmation
        message, target = act()
    except RightsRefused as refused:
        return show(request, row, str(refused))
    messages.success(request, message)
    return redirect(page.url_of(target))


def _ask_about_statements(
    request: PortalRequest, row: Case, act: Callable[[], object]
) -> HttpResponseBase | None:
    """Show which statements an action changes, unless the person agreed."""
    # The other record of a merge or split, which an undo names by its last action.
    last = undoing.last_action(row)
    named = last.after.values() if last else ()
    uids = [row.uid, request.POST.get("into", ""), *(uid for uid in named if isinstance(uid, str))]
    records = type(row)._default_manager.filter(uid__in=uids)
    list_label, list_name = _LISTS[type(row)]
    return ask_before(
        request,
        act,
        about=selectors.matches_on(records),
        question=Question(
            title=_("These statements change"),
            text=_("Nothing is done yet. It can be undone."),
            submit=_SUBMITS[request.POST["verb"]],
            crumbs=[(list_label, reverse(list_name)), (row, page.url_of(row))],
        ),
        asks=only_statements,
    )


def _undo(request: PortalRequest, row: Any) -> tuple[str, Any]:  # Any: a record
    seen = read_version(request.POST.get("event", "")) or 0
    message = undoing.undo(record=row, user=request.user, event_seen=seen)
    row.refresh_from_db()
    # A split that was undone on the page of its second work ends that one.
    return message, getattr(row, "merged_into", None) or row


def _add_title(request: PortalRequest, row: Work) -> tuple[str, Work]:
    values = valid_values(TitleForm(request.POST))
    parts.add_title(
        work=row,
        user=request.user,
        text=values["text"],
        kind=TitleKind(values["kind"]),
        language=values["language"],
    )
    return _("The title was added."), row


def _link(request: PortalRequest, row: Any) -> tuple[str, Any]:  # Any: a record
    recording = valid_values(OneRecordingForm(request.POST))["recording"]
    parts.link_recording(record=row, recording=recording, user=request.user)
    return _("%(name)s was added.") % {"name": recording}, row


def _unlink(request: PortalRequest, row: Any) -> tuple[str, Any]:  # Any: a record
    sound = _sound(request.POST.get("sound", ""))
    parts.unlink_recording(record=row, sound=sound, user=request.user)
    return _("%(name)s was removed.") % {"name": sound}, row


def _take_out(
    request: PortalRequest, row: Work | RightsRecording
) -> tuple[str, Any]:  # Any: a record
    share = get_object_or_404(row.shares, uid=request.POST.get("share", ""))
    parts.remove_share(share=share, user=request.user)
    return _("%(share)s was removed.") % {"share": share}, row


def _merge_work(request: PortalRequest, row: Work) -> tuple[str, Work]:
    into = valid_values(MergeWorkForm(request.POST))["into"]
    merging.merge_works(work=row, into=into, user=request.user)
    message = _("%(name)s is now part of %(other)s.")
    return message % {"name": row, "other": into}, into


def _merge_party(request: PortalRequest, row: Party) -> tuple[str, Party]:
    into = valid_values(MergePartyForm(request.POST))["into"]
    merging.merge_parties(party=row, into=into, user=request.user)
    message = _("%(name)s is now part of %(other)s.")
    return message % {"name": row, "other": into}, into


def _split_work(request: PortalRequest, row: Work) -> tuple[str, Work]:
    values = valid_values(RightsSplitForm(request.POST))
    second = merging.split_work(
        work=row,
        user=request.user,
        title=values["title"],
        shares=Share.objects.filter(work=row, uid__in=request.POST.getlist("share")),
        recordings=row.recordings.filter(uid__in=request.POST.getlist("sound")),
    )
    return _("%(name)s is now two works.") % {"name": row}, second


# --- Rows within reach ---------------------------------------------------------------


def _work(uid: str) -> Work:
    return get_object_or_404(works_in_reach(), uid=uid)


def _party(uid: str) -> Party:
    return get_object_or_404(parties_in_reach(), uid=uid)


def _release(uid: str) -> Release:
    return get_object_or_404(releases_in_reach(), uid=uid)


def _sound(uid: str) -> RightsRecording:
    return get_object_or_404(recordings_in_reach(), uid=uid)
