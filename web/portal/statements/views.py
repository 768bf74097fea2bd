"""Views that list statements, show one, and keep or withdraw it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from django import forms
from django.contrib import messages
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from base.accounts.roles import Action
from statements import services
from statements.errors import StatementRefused
from statements.models import Statement
from web.portal.shared.access import PortalRequest, needs
from web.portal.statements import page
from web.portal.statements.forms import KeepForm, WithdrawForm


@require_safe
@never_cache
@needs(Action.VIEW)
def statement(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one statement: versions, steps, files, facts, differences, history."""
    context = page.context_of(page.find_statement(uid), request.user)
    return render(request, "portal/statements/statement.html", context)


@require_GET
@never_cache
@needs(Action.REPORT)
def statement_file(request: PortalRequest, uid: str, form: str) -> HttpResponseBase:
    """Send the bytes that were approved, sent or handed over; record who got them."""
    stored = get_object_or_404(page.find_statement(uid).files, format=form)
    content = services.hand_out(file=stored, actor=request.user)
    return FileResponse(BytesIO(content), as_attachment=True, filename=stored.name)


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.DECIDE)
def statement_keep(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Keep a statement although it differs, with a reason."""
    row = page.find_statement(uid)
    form = KeepForm(request.POST or None, initial={"differs": row.differs_sha256})

    def save() -> None:
        services.keep(
            statement=row,
            user=request.user,
            why=form.cleaned_data["why"],
            differs_sha256=form.cleaned_data["differs"],
            until=form.cleaned_data["until"],
        )
        messages.success(request, _("The statement is kept as it is."))

    refusal = services.why_not_keep(row, request.user)
    return _step(request, row, form, save, refusal, heading=_("Keep it as it is"))


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.DECIDE)
def statement_withdraw(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Withdraw a statement, by the rules of its kind."""
    row = page.find_statement(uid)
    form = WithdrawForm(request.POST or None)

    def save() -> None:
        services.withdraw(statement=row, user=request.user, why=form.cleaned_data["why"])
        messages.success(request, _("The statement is withdrawn."))

    refusal = services.why_not_withdraw(row, request.user)
    return _step(request, row, form, save, refusal, heading=_("Withdraw"), ends=True)


def _step(
    request: PortalRequest,
    row: Statement,
    form: forms.Form,
    save: Callable[[], None],
    refusal: str,
    *,
    heading: str,
    ends: bool = False,
) -> HttpResponseBase:
    """Do a step and return to the statement, or show its form with the errors.

    A step that is impossible is refused before somebody fills in the form.
    """
    if refusal and request.method == "GET":
        messages.warning(request, refusal)
        return redirect("portal:statement", uid=row.uid)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            save()
        except StatementRefused as refused:
            status = 409
            form.add_error(None, refused.message)
        else:
            return redirect("portal:statement", uid=row.uid)
    (statement_row,) = page.rows_of([row], request.user)
    context = {"row": statement_row, "form": form, "heading": heading, "ends": ends}
    return render(request, "portal/statements/step.html", context, status=status)
