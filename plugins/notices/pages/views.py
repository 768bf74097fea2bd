"""Views that list, prepare, fill in, sign and answer takedown notices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from plugins.notices import answers, services, signing
from plugins.notices.checks import STANDING, changed_since_signed, items_of, unfit
from plugins.notices.errors import NoticeRefused
from plugins.notices.models import ClaimedRight, NoticeLaw, NoticeState, TakedownNotice
from plugins.notices.pages import page
from plugins.notices.pages.forms import (
    AnswerForm,
    NoticeForm,
    PrepareForm,
    SentForm,
    SignForm,
    WithdrawForm,
)
from review.filters import MatchFilter
from review.models import Match
from review.selectors import matches, of_ids
from web.portal.shared.access import PortalRequest, ask_to_confirm, needs
from web.portal.shared.lists import page_of
from web.portal.shared.selection import read_version

_TO_PREPARE = ("recording__bucket", "scanned_file__container", "scan", "licence")


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.REPORT)
def notice_prepare(request: PortalRequest) -> HttpResponseBase:
    """Choose the matches, the law and the right of a new notice.

    The address names matches, or has the filters of the list of matches.
    """
    form = PrepareForm(request.POST or None)
    chosen = request.POST.getlist("match") or request.GET.getlist("match")
    problem = ""
    if request.method == "POST" and form.is_valid():
        try:
            begun = services.prepare(
                matches=list(_candidates(chosen)),
                law=NoticeLaw(form.cleaned_data["law"]),
                right=ClaimedRight(form.cleaned_data["right"]),
                user=request.user,
            )
        except NoticeRefused as refused:
            problem = refused.message
        else:
            return redirect("portal:notice_edit", uid=begun.uid)
    page_matches = page_of(request, _offered(request))
    right_value = form["right"].value()
    right = ClaimedRight.WORK if right_value == ClaimedRight.WORK else ClaimedRight.RECORDING
    refused_rows = {
        unfit_match.match.pk: unfit_match.message
        for unfit_match in unfit(page_matches.object_list, right=right)
    }
    context = {
        "form": form,
        "page_obj": page_matches,
        "rows": [(match, refused_rows.get(match.pk, "")) for match in page_matches],
        "chosen": set(chosen),
        "problem": problem,
    }
    status = 409 if problem else 200
    return render(request, "portal/notices/prepare.html", context, status=status)


def _candidates(uids: Collection[str]) -> QuerySet[Match]:
    return Match.objects.filter(of_ids(uids)).select_related(*_TO_PREPARE)


def _offered(request: PortalRequest) -> QuerySet[Match]:
    """Return the matches that the page shows, newest first."""
    uids = request.GET.getlist("match")
    if uids:
        return _candidates(uids[: services.MOST_MATCHES]).order_by("-pk")
    filtered = matches(filters=MatchFilter.from_query(request.GET))
    rows = filtered.filter(state__in=STANDING, scanned_file__source_url__gt="")
    return rows.select_related(*_TO_PREPARE).order_by("-pk")


@require_safe
@never_cache
@needs(Action.VIEW)
def notice(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one notice: the document, its matches, its answers, its log."""
    return _render_notice(request, page.find_notice(uid))


def _render_notice(
    request: PortalRequest, row: TakedownNotice, *, problem: str = ""
) -> HttpResponseBase:
    context = page.context_of(row, request.user) | {"problem": problem}
    status = 409 if problem else 200
    return render(request, "portal/notices/notice.html", context, status=status)


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.REPORT)
def notice_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Fill in a draft."""
    row = page.find_notice(uid)
    if row.state != NoticeState.DRAFT:
        messages.warning(request, _("Only a draft can be changed."))
        return redirect(row.url)
    form = NoticeForm(request.POST or None, notice=row)

    def save() -> None:
        services.fill(notice=row, version=form.seen, values=form.values(), user=request.user)
        messages.success(request, _("The notice was saved."))

    context = {
        "heading": _("Fill in the notice"),
        "submit": _("Save"),
        "notice": row,
        "all_asked": True,
    }
    return _step(request, row, form, save, context)


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.APPROVE)
def notice_sign(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Read the whole notice once more, and sign it."""
    row = page.find_notice(uid)
    if row.state != NoticeState.REVIEW:
        messages.warning(request, _("Only a notice in review can be signed."))
        return redirect(row.url)
    form = SignForm(request.POST or None, notice=row)

    def save() -> None:
        ask_to_confirm(request)
        signing.sign(
            notice=row,
            version=form.seen,
            signing=form.signing(),
            user=request.user,
            read=form.cleaned_data["document"],
        )

    context = {
        **page.document(row),
        "heading": _("Sign the notice"),
        "submit": _("Sign"),
        "refusal": signing.why_not_sign(row, request.user),
    }
    return _step(request, row, form, save, context)


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.REPORT)
def notice_sent(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Record that a person sent the notice."""
    row = page.find_notice(uid)
    if row.state != NoticeState.SIGNED:
        messages.warning(request, _("Only a signed notice can be marked as sent."))
        return redirect(row.url)
    initial = {"at": timezone.now(), "to": row.recipient_contact}
    form = SentForm(
        request.POST or None,
        initial={"version": row.version, **initial},
        changed=changed_since_signed(row),
    )

    def save() -> None:
        services.mark_sent(notice=row, version=form.seen, sending=form.sending(), user=request.user)

    context = {
        "heading": _("Mark as sent"),
        "sub": _("The portal sends nothing. Say how you sent it."),
        "submit": _("Mark as sent"),
    }
    return _step(request, row, form, save, context)


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.DECIDE)
def notice_answer(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Record an answer of the platform or of its user."""
    row = page.find_notice(uid)
    if row.state not in (NoticeState.SENT, NoticeState.ANSWERED):
        messages.warning(request, _("Only a sent notice can have answers."))
        return redirect(row.url)
    form = AnswerForm(request.POST or None, notice=row, items=items_of(row))

    def save() -> None:
        answers.answer(
            notice=row,
            version=form.seen,
            matches=form.cleaned_data["about"],
            reply=form.reply(),
            user=request.user,
        )

    context = {"heading": _("Record an answer"), "submit": _("Record the answer")}
    return _step(request, row, form, save, context)


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.REPORT)
def notice_withdraw(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Withdraw a notice, and begin a corrected one if the address says so."""
    row = page.find_notice(uid)
    refusal = services.why_not_withdraw(row, request.user)
    if refusal and request.method == "GET":
        messages.warning(request, refusal)
        return redirect(row.url)
    form = WithdrawForm(request.POST or None, initial={"version": row.version})

    is_corrected = request.GET.get("then") == "prepare"

    def save() -> str:
        done = services.withdraw(
            notice=row, version=form.seen, why=form.cleaned_data["why"], user=request.user
        )
        return page.renew_url(done) if is_corrected else ""

    subs = []
    if is_corrected:
        subs.append(
            _("Then you prepare the corrected one: a match is in one open notice at a time.")
        )
    if row.sent_at is not None:
        subs.append(_("Tell the platform as well: the portal sends nothing."))
    context = {
        "heading": _("Withdraw the notice"),
        "sub": " ".join(subs),
        "submit": _("Withdraw"),
        "ends": True,
    }
    return _step(request, row, form, save, context)


def _step(
    request: PortalRequest,
    row: TakedownNotice,
    form: forms.Form,
    save: Callable[[], str | None],
    context: Mapping[str, object],
) -> HttpResponseBase:
    """Do a step, or show its form with the errors.

    It leads where ``save`` says, else to the notice.
    """
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            address = save()
        except NoticeRefused as refused:
            status = 409
            fields = {name: text for name, text in refused.fields.items() if name in form.fields}
            for name, text in fields.items():
                form.add_error(name, text)
            if not fields:
                form.add_error(None, refused.message)
        else:
            return redirect(address or row.url)
    template = "portal/notices/step.html"
    template_values = {"notice": row, "form": form, "cancel_url": row.url, **context}
    return render(request, template, template_values, status=status)


@require_POST
@needs(Action.REPORT)
def notice_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Do a step that asks for nothing: hand over, give back, take out, build evidence."""
    row = page.find_notice(uid)
    version = read_version(request.POST.get("version", "")) or 0
    verb, user = request.POST.get("verb", ""), request.user
    try:
        if verb == "submit":
            services.submit(notice=row, version=version, user=user)
        elif verb == "give_back":
            why = request.POST.get("why", "")
            services.give_back(notice=row, version=version, why=why, user=user)
        elif verb == "take_out":
            services.take_out(
                notice=row, version=version, match=request.POST.get("match", ""), user=user
            )
        elif verb == "evidence":
            why = services.ask_for_evidence(notice=row, user=user)
            if why:
                return _render_notice(request, row, problem=why)
        else:
            return _render_notice(request, row, problem=_("Choose what to do."))
    except NoticeRefused as refused:
        return _render_notice(request, page.find_notice(uid), problem=refused.message)
    return redirect(row.url)
