"""Views of platform claims."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from base.accounts.reach import why_limited
from base.accounts.roles import Action
from plugins.claims import files, selectors, services
from plugins.claims.choices import DiscrepancyKind, DiscrepancyState, FileKind, LinkedBy
from plugins.claims.errors import ClaimsRefused
from plugins.claims.models import (
    ClaimFile,
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    ReportedValue,
)
from plugins.claims.pages import page
from plugins.claims.pages.forms import (
    AssetLinkForm,
    ClaimFilterForm,
    DisputeDayForm,
    ValuesForm,
)
from plugins.claims.pages.lists import FILE_ROWS
from review import coverage
from review.selectors import with_segments
from review.subjects import Subject
from web.portal.shared.access import PortalRequest, needs, own_address
from web.portal.shared.lists import page_of, sorted_by
from web.portal.shared.selection import unpack

_COLUMNS = {"views": "views", "since": "opened_at", "due": "due_on"}


@require_safe
@needs(Action.VIEW)
def claim_list(request: PortalRequest) -> HttpResponseBase:
    """Show one of the lists of differences."""
    filters = ClaimFilterForm(request.GET)
    filters.is_valid()
    kind, state = filters.kind, filters.chosen_state
    account = filters.cleaned_data.get("account")
    rows = selectors.list_discrepancies(
        kind=kind, state=state, account=account, text=(filters.cleaned_data.get("q") or "").strip()
    )
    may_decide = request.user.has_perm(Action.DECIDE)
    is_due = kind == DiscrepancyKind.DISPUTE_DUE
    default = "due" if is_due else "-views"
    page_rows = page_of(request, sorted_by(request, rows, _COLUMNS, default=default))
    day = selectors.newest_day(account)
    context = {
        "filters": filters,
        "kind": kind.value,
        "title": kind.label,
        "lead": page.lead_of(kind),
        "tabs": page.tabs_of(filters),
        "page_obj": page_rows,
        "rows": page.rows_of(list(page_rows)),
        "day": day,
        "age": page.age_of(day),
        "has_accounts": PlatformAccount.objects.exists(),
        "is_due": is_due,
        "offered_links": urlencode({"links": "\n".join(page.links_of(list(page_rows)))}),
        "file_kinds": [(file_kind.value, file_kind.label) for file_kind in files.kinds_for(kind)],
        "may_decide": may_decide,
        "may_tick": may_decide and state != DiscrepancyState.GONE,
        "is_open": state == DiscrepancyState.OPEN,
        "unexplained": ReportedValue.objects.filter(meaning="").count(),
    }
    return render(request, "portal/claims/claim_list.html", context)


@require_POST
@needs(Action.DECIDE)
def claims_many(request: PortalRequest) -> HttpResponseBase:
    """Dismiss the ticked differences, or open them again."""
    back = redirect(own_address(request, request.POST.get("back", "")) or reverse("portal:claims"))
    revisions = unpack(request.POST.getlist("discrepancy"))
    if not revisions:
        messages.error(request, _("Tick at least one entry first."))
        return back
    verb = request.POST.get("verb", "")
    try:
        if verb in FileKind.values:
            made, left_out = files.make_files(
                revisions=revisions, kind=FileKind(verb), user=request.user
            )
            done = len(made)
            text = ngettext("%(n)s file is ready.", "%(n)s files are ready.", done)
            back = redirect("portal:claim_files")
        elif verb == "reopen":
            done, left_out = services.reopen(revisions=revisions, user=request.user)
            text = ngettext("%(n)s is open again.", "%(n)s are open again.", done)
        else:
            done, left_out = services.dismiss(
                revisions=revisions, note_text=request.POST.get("note", ""), user=request.user
            )
            text = ngettext("%(n)s is dismissed.", "%(n)s are dismissed.", done)
    except ClaimsRefused as refused:
        messages.error(request, str(refused))
        return back
    if done:
        messages.success(request, text % {"n": done})
    if left_out:
        text = ngettext(
            "%(n)s has changed meanwhile. Look at it again.",
            "%(n)s have changed meanwhile. Look at them again.",
            left_out,
        )
        if verb in FileKind.values:
            text = ngettext(
                "%(n)s entry is left out: it is in another file, has changed, or lacks "
                "what the file needs.",
                "%(n)s entries are left out: they are in another file, have changed, or "
                "lack what the file needs.",
                left_out,
            )
        messages.warning(request, text % {"n": left_out})
    return back


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.VIEW, to_post=Action.DECIDE)
def claim(request: PortalRequest, uid: str, claim_id: str) -> HttpResponseBase:
    """Show one claim beside what was heard; take the true day of a dispute."""
    row = get_object_or_404(
        PlatformClaim.objects.select_related(
            "account", "asset__recording", "terms", "scanned_file__container"
        ),
        account__uid=uid,
        claim_id=claim_id,
    )
    form = DisputeDayForm(request.POST or None, initial={"day": row.disputed_on})
    if request.method == "POST" and form.is_valid():
        try:
            services.enter_dispute_day(claim=row, day=form.cleaned_data["day"], user=request.user)
        except ClaimsRefused as refused:
            form.add_error("day", str(refused))
        else:
            messages.success(request, _("The day is saved."))
            return redirect("portal:claim", uid=uid, claim_id=claim_id)
    match = selectors.match_of(row)
    if match is not None:
        with_segments([match])
    licences = coverage.checks(subject=Subject.of(match)) if match else []
    open_rows = Discrepancy.objects.filter(claim=row).exclude(state=DiscrepancyState.GONE)
    related = open_rows.select_related(
        *("account", "claim", "asset", "video", "recording", "scanned_file", "match")
    )
    context = {
        "claim": row,
        "asset_url": page.asset_url(row.asset),
        "match": match,
        "licences": licences,
        "usable": [licence for licence in licences if licence.cover != coverage.Cover.NONE],
        "discrepancies": page.rows_of(list(related)),
        "form": form,
        "asks_day": any(discrepancy.kind == DiscrepancyKind.DISPUTE_DUE for discrepancy in related),
        "may_decide": request.user.has_perm(Action.DECIDE),
    }
    status = 422 if form.errors else 200
    return render(request, "portal/claims/claim.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.VIEW, to_post=Action.EDIT_CATALOGUE)
def asset(request: PortalRequest, uid: str, asset_id: str) -> HttpResponseBase:
    """Show one asset, and link it to a recording."""
    row = get_object_or_404(
        PlatformAsset.objects.select_related("account", "recording", "whole"),
        account__uid=uid,
        asset_id=asset_id,
    )
    refusal = why_limited(request.user)
    recording = [row.recording] if row.linked_by == LinkedBy.PERSON else []
    form = AssetLinkForm(request.POST or None, initial={"recording": recording})
    if request.method == "POST" and form.is_valid():
        try:
            services.link_asset(
                asset=row, recording=form.cleaned_data["recording"], user=request.user
            )
        except ClaimsRefused as refused:
            form.add_error("recording", str(refused))
        else:
            messages.success(request, _("The link is saved."))
            return redirect("portal:claim_asset", uid=uid, asset_id=asset_id)
    claims = PlatformClaim.objects.filter(asset=row).select_related("account")
    some = list(claims.order_by("-views", "pk")[:20])
    context = {
        "asset": row,
        "form": form,
        "whole": None if refusal else row.whole,
        "references": row.reference_files.order_by("pk")[:20],
        "conflict": row.conflicts.filter(gone_on=None).first(),
        "videos": row.videos.filter(gone_on=None).order_by("-views", "pk")[:20],
        "claims": [(row_claim, page.claim_url(row_claim)) for row_claim in some],
        "may_link": request.user.has_perm(Action.EDIT_CATALOGUE) and not refusal,
        "refusal": refusal,
        "fitting": selectors.fitting_recordings(row),
    }
    status = 422 if form.errors else 200
    return render(request, "portal/claims/asset.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.VIEW, to_post=Action.EDIT_CATALOGUE)
def value_list(request: PortalRequest) -> HttpResponseBase:
    """List undocumented values of reports; a manager says what each means."""
    refusal = why_limited(request.user)
    values = list(ReportedValue.objects.order_by("column", "value"))
    form = ValuesForm(values, request.POST or None)
    if request.method == "POST" and form.is_valid():
        changed = [
            services.explain_value(value=value, meaning=meaning, user=request.user)
            for value, meaning in form.chosen()
        ]
        if any(changed):
            messages.success(request, _("Saved. The lists are compared again."))
        return redirect("portal:claim_values")
    context = {
        "form": form,
        "values": values,
        "refusal": refusal,
        "may_explain": request.user.has_perm(Action.EDIT_CATALOGUE) and not refusal,
    }
    return render(request, "portal/claims/value_list.html", context)


@require_safe
@needs(Action.VIEW)
def file_rows(request: PortalRequest, uid: str) -> HttpResponseBase:
    """List the rows of a file, with the platform's answers."""
    claim_file = get_object_or_404(selectors.list_files(), uid=uid)
    context = {
        **FILE_ROWS.page(request, selectors.rows_of_file(claim_file)),
        "file": claim_file,
    }
    return render(request, "portal/claims/file_rows.html", context)


@require_GET
@needs(Action.DECIDE)
def file_download(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download a file for the platform."""
    claim_file = get_object_or_404(ClaimFile, uid=uid)
    return FileResponse(
        files.hand_out(file=claim_file, user=request.user),
        as_attachment=True,
        filename=files.name_of(claim_file),
        content_type=files.content_type_of(claim_file),
    )


@require_POST
@needs(Action.EDIT_CATALOGUE)
def file_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Mark a file as sent, undo that, or withdraw a draft."""
    claim_file = get_object_or_404(ClaimFile, uid=uid)
    step = files.STEPS.get(request.POST.get("verb", ""), files.mark_sent)
    if not step(file=claim_file, user=request.user):
        messages.warning(request, _("This file changed meanwhile. Look at it again."))
    return redirect("portal:claim_files")
