"""Declarations: the list, the check before a run, a declaration's page, profiles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

from django.contrib import messages
from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from base.accounts.roles import Action
from catalogue.models import Recording
from plugins.monitoring.declarations import checking, selectors, services
from plugins.monitoring.declarations.additions import additions
from plugins.monitoring.declarations.changes import changed_plays, recording_changes
from plugins.monitoring.declarations.formats.base import BadOptions
from plugins.monitoring.declarations.formats.registry import UnknownFormat, entries, label_of
from plugins.monitoring.declarations.formats.values import VALUES
from plugins.monitoring.declarations.left_out import LeftOut
from plugins.monitoring.declarations.manifest import UNDECLARED_NAME, declaration_manifest
from plugins.monitoring.declarations.models import Declaration, DeclarationProfile
from plugins.monitoring.declarations.services import DeclarationRefused, ProfileRefused
from plugins.monitoring.declarations.statement import statement_of
from plugins.monitoring.pages.declarations.forms import DeclarationProfileForm, PeriodForm
from plugins.monitoring.pages.declarations.gaps import linked, linked_doubts
from plugins.monitoring.streams.models import Station
from reports.choices import UNFINISHED, RunState
from reports.files import Check, as_json
from reports.stored_rows import content_of
from statements.choices import FOLLOWED, StatementState
from statements.kinds import kind_of
from statements.models import Statement
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import ask_first
from web.portal.shared.downloads import attachment
from web.portal.shared.lists import page_of

_CHANGED_SHOWN = 100


@require_safe
@needs(Action.REPORT)
def declarations(request: PortalRequest) -> HttpResponseBase:
    """List the declarations and the profiles, with a form for the next one."""
    # The last month.
    ends = datetime.now(tz=UTC).date().replace(day=1) - timedelta(days=1)
    begins = ends.replace(day=1)
    return render(
        request,
        "portal/declarations/declarations.html",
        {
            "page_obj": page_of(request, selectors.declarations()),
            "profiles": selectors.profiles(),
            "form": PeriodForm(initial={"begins": begins, "ends": ends}),
        },
    )


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT, to_post=Action.APPROVE)
def declaration_check(request: PortalRequest) -> HttpResponseBase:
    """Show a declaration's content and missing values; a POST declares."""
    if request.method == "GET" and not request.GET:
        return redirect("portal:declarations")
    form = PeriodForm(request.POST if request.method == "POST" else _check_query(request))
    if not form.is_valid():
        return _page_of_check(request, form, status=422)
    try:
        values = form.cleaned_data
        replaces = None
        if values["replaces"]:
            replaces = get_object_or_404(selectors.declarations(), uid=values["replaces"])
        draft = services.draft(
            profile=values["profile"],
            begins=values["begins"],
            ends=values["ends"],
            user=request.user,
            replaces=replaces,
        )
        if request.method == "POST":
            made = services.request_declaration(draft)
            return redirect(made.url)
        if checking.is_too_large(draft):
            return _page_of_check(request, form, draft, too_large=True)
        checked = checking.check(draft)
    except (DeclarationRefused, BadOptions) as refused:
        form.add_error(None, str(refused))
        return _page_of_check(request, form, status=422)
    except UnknownFormat:
        form.add_error("profile", _("This portal does not support the profile's format."))
        return _page_of_check(request, form, status=422)
    return _page_of_check(request, form, draft, checked)


def _check_query(request: PortalRequest) -> QueryDict:
    """Return what a page asks to check; a correction covers the days that it corrects."""
    query = request.GET.copy()
    if (uid := request.GET.get("replaces")) and "profile" not in query:
        replaced = _declaration(uid)
        query["profile"] = replaced.profile.uid
        query["begins"] = replaced.begins.isoformat()
        query["ends"] = replaced.ends.isoformat()
    return query


def _page_of_check(
    request: PortalRequest,
    form: PeriodForm,
    draft: Declaration | None = None,
    checked: checking.Checked | None = None,
    *,
    too_large: bool = False,
    status: int = 200,
) -> HttpResponse:
    return render(
        request,
        "portal/declarations/declaration_check.html",
        {
            "form": form,
            "draft": draft,
            "checked": checked,
            "too_large": too_large,
            "groups": linked(checked.groups, request.user) if checked else [],
            "doubts": linked_doubts(checked.gathered.doubts) if checked else [],
            "left_out": [
                (why.label, checked.left_out.counts[why])
                for why in LeftOut
                if checked.left_out.counts[why]
            ]
            if checked
            else [],
            "before": checking.declared_before(draft) if draft else [],
            **_corrected(draft.replaces if draft else None),
        },
        status=status,
    )


def _corrected(replaced: Declaration | None) -> dict[str, object]:
    """Return how the declaration that a draft corrects differs today; empty without one."""
    statement = statement_of(replaced) if replaced else None
    if replaced is None or statement is None:
        return {}
    changes = _changes(replaced, statement)
    return changes | {"is_same": bool(changes) and not any(changes.values())}


def _declaration(uid: str) -> Declaration:
    return get_object_or_404(selectors.declarations(), uid=uid)


def _written(uid: str) -> Declaration:
    return get_object_or_404(selectors.declarations().filter(state=RunState.READY), uid=uid)


@require_safe
@needs(Action.REPORT)
def declaration(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show a declaration; the page updates itself until it is written."""
    return _page(request, _declaration(uid))


@require_POST
@needs(Action.REPORT)
def declaration_files_check(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Read the files again and show whether they are unchanged."""
    declaration = _written(uid)
    return _page(request, declaration, services.check_files(declaration=declaration))


def _page(
    request: PortalRequest, declaration: Declaration, checks: list[Check] | None = None
) -> HttpResponse:
    names = dict(LeftOut.choices)
    return render(
        request,
        "portal/declarations/declaration.html",
        {
            "declaration": declaration,
            "stations": declaration.stations,
            "format_label": label_of(declaration.format),
            "working": declaration.state in UNFINISHED,
            "groups": linked(checking.kept_gaps(declaration), request.user),
            "doubts": linked_doubts(checking.kept_doubts(declaration)),
            **_stated(declaration),
            "corrections": selectors.standing().filter(replaces=declaration),
            "left_out": [
                (names.get(why, why), count)
                for why, count in declaration.counts.get("undeclared", {}).items()
            ],
            "checks": checks,
            "checks_fine": bool(checks) and all(check.is_whole for check in checks or ()),
        },
    )


def _stated(declaration: Declaration) -> dict[str, object]:
    """Return what a written declaration states, and how that differs today."""
    statement = statement_of(declaration)
    if statement is None:
        return {}
    declared = Recording.objects.filter(uid__in=statement.facts.values("recording"))
    context: dict[str, object] = {
        "handed_over": statement.steps.filter(state=StatementState.SENT).first(),
        "correct_url": kind_of(statement).correct_url(statement),
        "values": (declared, declaration.as_of_at or declaration.created_at),
    }
    return context | _changes(declaration, statement)


def _changes(declaration: Declaration, statement: Statement) -> dict[str, object]:
    """Return the first differences of a declaration from what a correction would say."""
    context: dict[str, object] = {}
    if statement.state in FOLLOWED:
        for name, differences in (
            ("changed", changed_plays(statement)),
            ("described", recording_changes(declaration, statement)),
            ("added", additions(declaration, statement)),
        ):
            rows = list(islice(differences, _CHANGED_SHOWN + 1))
            context[name] = rows[:_CHANGED_SHOWN]
            context[f"more_{name}"] = len(rows) > _CHANGED_SHOWN
    return context


@require_safe
@needs(Action.EDIT_CATALOGUE)
def declaration_file(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the file as it was written."""
    declaration = _written(uid)
    takes_it = request.method == "GET"
    return StreamingHttpResponse(
        services.download(declaration=declaration, user=request.user) if takes_it else (),
        content_type="application/octet-stream",
        headers={
            **attachment(declaration.file_name),
            "Content-Length": str(declaration.size_bytes),
        },
    )


@require_GET
@needs(Action.REPORT)
def declaration_undeclared(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the list of entries that the declaration leaves out."""
    return StreamingHttpResponse(
        content_of(_written(uid).undeclared),
        content_type="text/csv; charset=utf-8",
        headers=attachment(UNDECLARED_NAME),
    )


@require_GET
@needs(Action.REPORT)
def declaration_manifest_file(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the manifest."""
    declaration = _written(uid)
    return HttpResponse(
        as_json(declaration_manifest(declaration)),
        content_type="application/json",
        headers=attachment(f"{declaration.file_name}.manifest.json"),
    )


@require_POST
@needs(Action.APPROVE)
def declaration_cancel(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Cancel a declaration that is not written yet."""
    declaration = _declaration(uid)
    services.cancel_declaration(declaration=declaration, user=request.user)
    return redirect(declaration.url)


@require_POST
@needs(Action.APPROVE)
def declaration_again(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Queue a failed declaration again."""
    declaration = _declaration(uid)
    try:
        services.try_again(declaration=declaration, user=request.user)
    except DeclarationRefused as refused:
        messages.error(request, str(refused))
    return redirect(declaration.url)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def declaration_profile_add(request: PortalRequest) -> HttpResponseBase:
    """Add a profile."""
    return _profile_form(request, None)


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def declaration_profile(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change a profile; written declarations keep the earlier one."""
    return _profile_form(request, get_object_or_404(DeclarationProfile, uid=uid))


def _profile_form(request: PortalRequest, profile: DeclarationProfile | None) -> HttpResponseBase:
    form = DeclarationProfileForm(request.POST or None, instance=profile)
    if request.method == "POST" and form.is_valid():
        try:
            services.save_profile(
                profile=form.profile(), stations=form.cleaned_data["stations"], user=request.user
            )
        except ProfileRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        else:
            messages.success(request, _("The profile was saved."))
            return redirect("portal:declarations")
    return render(
        request,
        "portal/declarations/declaration_profile.html",
        {
            "form": form,
            "profile": DeclarationProfile.objects.filter(pk=profile.pk).first()
            if profile
            else None,
            "formats": entries(),
            "values": [(name, value.label) for name, value in VALUES.items()],
            "has_stations": Station.objects.exists(),
            "cancel_url": reverse("portal:declarations"),
        },
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_CATALOGUE)
def declaration_profile_delete(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Delete a profile with which nothing was declared, after a confirmation."""
    profile = get_object_or_404(DeclarationProfile, uid=uid)
    if request.method != "POST":
        return ask_first(
            request,
            title=_("Delete the profile “%(name)s”") % {"name": profile.name},
            text=_("Nothing can be declared with it any more."),
            submit=_("Delete the profile"),
            crumbs=[
                (_("Declarations"), reverse("portal:declarations")),
                (profile.name, reverse("portal:declaration_profile", args=[profile.uid])),
            ],
        )
    try:
        services.delete_profile(profile=profile, user=request.user)
    except DeclarationRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The profile “%(name)s” was deleted.") % {"name": profile.name})
    return redirect("portal:declarations")
