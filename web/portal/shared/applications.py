"""Undoing applied policies and licences, from the pages of both."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from review.errors import ReviewError
from review.models import Licence, Policy
from review.services import applications
from review.services.applications import UndoneApplication
from web.portal.shared.access import PortalRequest
from web.portal.shared.asking import Question, ask_before, only_statements
from web.portal.shared.lists import COUNTED


def undo(request: PortalRequest, rule: Licence | Policy, *, here: str) -> HttpResponseBase:
    """Undo the act that the form names, and say what happened on the page ``here``.

    It asks first if statements change.
    """
    act = request.POST.get("act", "")

    def take_back() -> UndoneApplication:
        return applications.undo(rule=rule, act=act, user=request.user)

    try:
        confirmation = ask_before(
            request,
            take_back,
            about=Q(uid__in=applications.changed_by(rule, act)[:COUNTED]),
            question=Question(
                title=_("These statements change"),
                text=_("Nothing is undone yet."),
                submit=_("Undo"),
                crumbs=[(rule, here)],
            ),
            asks=only_statements,
        )
        if confirmation is not None:
            return confirmation
        _report_outcome(request, take_back())
    except ReviewError as refused:
        messages.error(request, refused.message)
    return redirect(here)


def _report_outcome(request: PortalRequest, outcome: UndoneApplication) -> None:
    done = ngettext(
        "Undone: %(count)s match is as it was before.",
        "Undone: %(count)s matches are as they were before.",
        outcome.taken_back,
    ) % {"count": outcome.taken_back}
    if not outcome.untouched:
        messages.success(request, done)
        return
    stay = ngettext(
        "%(count)s match stays as it is; the list below says why.",
        "%(count)s matches stay as they are; the list below says why.",
        len(outcome.untouched),
    ) % {"count": len(outcome.untouched)}
    messages.warning(request, _("%(done)s %(stay)s") % {"done": done, "stay": stay})
