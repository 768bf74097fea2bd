"""Views of licences: their terms, and the matches that they clear."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from itertools import islice

from django.contrib import messages
from django.db.models import Q
from django.http import FileResponse, Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.models import User
from base.accounts.reach import is_limited
from base.accounts.roles import Action
from base.common.bodies import takes_files
from base.common.storage import display_name, keep_file
from base.common.zones import office_day
from catalogue.models import Recording
from imports.licences.sheet import sheet_of
from reports.choices import Format
from reports.files import CONTENT_TYPES
from review import coverage
from review.errors import ReviewError
from review.models import Licence
from review.services import applications, licences
from review.services.licences import Reach
from statements.previews import StatementChange
from statements.selectors import is_stated
from web.portal.licences.forms import LicenceForm
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.applications import undo
from web.portal.shared.asking import Question, ask_before, not_agreed, only_statements
from web.portal.shared.consequences import Consequences, consequences_of
from web.portal.shared.downloads import attachment
from web.portal.shared.lists import COUNTED


@require_safe
@needs(Action.VIEW)
def licence_sheet(request: PortalRequest, form: str) -> HttpResponse:
    """Download the licences as a table, which the import of licences reads."""
    rows = Licence.objects.filter(built_in=False).order_by("pk")
    sheet = sheet_of(rows.prefetch_related("buckets", "recordings"))
    return HttpResponse(
        sheet.as_csv() if form == Format.CSV else sheet.as_xlsx(),
        content_type=CONTENT_TYPES[Format(form)],
        headers=attachment(f"licences.{form}"),
    )


@takes_files(Action.APPROVE)
@require_http_methods(["GET", "POST"])
@needs(Action.APPROVE)
def licence_create(request: PortalRequest) -> HttpResponseBase:
    """Create a licence; it stays a draft until somebody applies it in the preview."""
    return _edit(request, Licence())


@takes_files(Action.APPROVE)
@require_http_methods(["GET", "POST"])
@needs(Action.APPROVE)
def licence_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change the terms of a licence."""
    return _edit(request, get_object_or_404(Licence, uid=uid))


def _edit(request: PortalRequest, licence: Licence) -> HttpResponseBase:
    form = LicenceForm(request.POST or None, request.FILES or None, instance=licence)
    consequences = None
    if request.method == "POST" and form.is_valid():
        try:
            consequences = _not_agreed(request, form)
            reopened = None if consequences else _save(form, request.user)
        except ReviewError as refused:
            form.add_error(None, refused.message)
        else:
            if consequences:
                return _show_form(request, form, consequences)
            if reopened:
                messages.warning(
                    request,
                    ngettext(
                        "%(count)s match is no longer covered and is open again.",
                        "%(count)s matches are no longer covered and are open again.",
                        reopened,
                    )
                    % {"count": reopened},
                )
            return redirect("portal:licence_preview", uid=form.instance.uid)
    return _show_form(request, form)


def _show_form(
    request: PortalRequest, form: LicenceForm, consequences: Consequences | None = None
) -> HttpResponseBase:
    context = {
        "form": form,
        "licence": form.instance if form.instance.pk else None,
        "consequences": consequences,
    }
    return render(request, "portal/licences/licence_form.html", context)


def _not_agreed(request: PortalRequest, form: LicenceForm) -> Consequences | None:
    """Return what the changed terms do to statements, unless the person has seen it."""
    licence: Licence = form.instance
    if not licence.pk:
        return None
    buckets, recordings = form.chosen_buckets(), form.chosen_recordings()
    named = coverage.in_scope(
        licence,
        buckets,
        Recording.objects.filter(pk__in=[recording.pk for recording in recordings]),
    )
    return not_agreed(
        request,
        lambda: licences.save(
            licence=copy.copy(licence), user=request.user, buckets=buckets, recordings=recordings
        ),
        about=Q(licence=licence) | (named & is_stated()),
    )


def _save(form: LicenceForm, user: User) -> int:
    """Store the evidence file and the terms; return how many matches reopened."""
    licence: Licence = form.save(commit=False)
    evidence = form.cleaned_data.get("evidence_file")
    if evidence is not None:
        stored = keep_file(evidence, f"licences/{licence.uid}")
        licence.evidence.name = stored.name
        licence.evidence_name = display_name(evidence.name, otherwise="evidence")
    return licences.save(
        licence=licence,
        user=user,
        buckets=form.chosen_buckets(),
        recordings=form.chosen_recordings(),
    )


@require_http_methods(["GET", "POST"])
@needs(Action.APPROVE)
def licence_preview(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the matches that the licence would clear; a POST with ``reach`` applies it."""
    licence = get_object_or_404(Licence, uid=uid)
    if request.method == "POST" and request.POST.get("reach") in set(Reach):
        reach, chosen = Reach(request.POST["reach"]), set(request.POST.getlist("match"))

        def apply() -> int:
            return licences.apply(licence=licence, user=request.user, reach=reach, chosen=chosen)

        try:
            confirmation = _ask_before_clearing(request, licence, reach, chosen, apply)
            if confirmation is not None:
                return confirmation
            cleared = apply()
        except ReviewError as refused:
            messages.error(request, refused.message)
        else:
            messages.success(
                request,
                ngettext(
                    "%(number)s is in force; %(count)s match is cleared.",
                    "%(number)s is in force; %(count)s matches are cleared.",
                    cleared,
                )
                % {"count": cleared, "number": licence.number},
            )
            return redirect("portal:licence_preview", uid=uid)
    context = {
        "licence": licence,
        "preview": licences.preview(licence=licence),
        "today": office_day(),
        "statements": _statements_that_change(request, licence),
        "applications": applications.applications(licence),
        "may_undo": not is_limited(request.user),
    }
    return render(request, "portal/licences/licence_preview.html", context)


def _ask_before_clearing(
    request: PortalRequest,
    licence: Licence,
    reach: Reach,
    chosen: Collection[str],
    apply: Callable[[], int],
) -> HttpResponseBase | None:
    """Show the statements about cleared matches that change; None if there are none.

    What the licence changes before it clears anything, its page has told already.
    """
    touched = licences.touched(licence=licence, reach=reach, chosen=chosen)
    keys = [match.pk for match in islice(touched, COUNTED)]
    if not keys or is_limited(request.user):
        return None
    return ask_before(
        request,
        apply,
        about=Q(pk__in=keys),
        question=Question(
            title=_("These statements change"),
            text=_("Nothing is done yet. It can be undone."),
            submit=_("Clear"),
            crumbs=[
                (_("Licences"), reverse("portal:licence_list")),
                (licence.number, reverse("portal:licence_preview", args=[licence.uid])),
            ],
        ),
        asks=only_statements,
    )


def _statements_that_change(request: PortalRequest, licence: Licence) -> list[StatementChange]:
    """Return the statements that a draft makes wrong once it is in force."""
    if licence.active or licence.withdrawn_at or is_limited(request.user):
        return []
    named = coverage.in_scope(licence, licence.buckets.all(), licence.recordings.all())
    return consequences_of(
        lambda: licences.apply(licence=licence, user=request.user, reach=Reach.FUTURE),
        about=named & is_stated(),
    ).statements


@require_POST
@needs(Action.APPROVE)
def licence_undo(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Undo one application of the licence."""
    here = reverse("portal:licence_preview", args=[uid])
    return undo(request, get_object_or_404(Licence, uid=uid), here=here)


@require_POST
@needs(Action.APPROVE)
def licence_withdraw(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Withdraw a licence; matches that it cleared reopen."""
    licence = get_object_or_404(Licence, uid=uid)

    def withdraw() -> int:
        reason = request.POST.get("reason", "")
        return licences.withdraw(licence=licence, user=request.user, reason=reason)

    try:
        confirmation = ask_before(
            request,
            withdraw,
            about=Q(licence=licence),
            question=Question(
                title=_("Withdraw %(number)s") % {"number": licence.number},
                text=_("Matches that nothing covers any more open again."),
                submit=_("Withdraw this licence"),
                crumbs=[
                    (_("Licences"), reverse("portal:licence_list")),
                    (licence.number, licence.url),
                ],
            ),
        )
        if confirmation is not None:
            return confirmation
        reopened = withdraw()
    except ReviewError as refused:
        messages.error(request, refused.message)
        return redirect("portal:licence_edit", uid=uid)
    messages.success(
        request,
        ngettext(
            "%(number)s is withdrawn; %(count)s match is open again.",
            "%(number)s is withdrawn; %(count)s matches are open again.",
            reopened,
        )
        % {"count": reopened, "number": licence.number},
    )
    return redirect("portal:licence_list")


@require_safe
@needs(Action.VIEW)
def licence_evidence(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the licence's evidence file.

    The browser always saves it: an uploaded file must not run as a page of this site.
    """
    licence = get_object_or_404(Licence, uid=uid)
    if not licence.evidence:
        raise Http404(_("No file is kept with this licence."))
    return FileResponse(
        licence.evidence.open("rb"),
        as_attachment=True,
        filename=licence.evidence_name,
        content_type="application/octet-stream",
    )
