"""Undoing applied policies and licences, from the pages of both."""

from __future__ import annotations

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.shared.access import PortalRequest
from review.errors import ReviewError
from review.models import Licence, Policy
from review.services import applications


def undo(request: PortalRequest, rule: Licence | Policy) -> None:
    """Undo the act that the form names, and say what happened."""
    try:
        outcome = applications.undo(
            rule=rule, act=request.POST.get("act", ""), user=request.user
        )
    except ReviewError as refused:
        messages.error(request, refused.message)
        return
    done = ngettext(
        "Undone: %(count)s match is as it was before.",
        "Undone: %(count)s matches are as they were before.",
        outcome.taken_back,
    ) % {"count": outcome.taken_back}
    if not outcome.left:
        messages.success(request, done)
        return
    stay = ngettext(
        "%(count)s match stays as it is; the list below says why.",
        "%(count)s matches stay as they are; the list below says why.",
        len(outcome.left),
    ) % {"count": len(outcome.left)}
    messages.warning(request, _("%(done)s %(stay)s") % {"done": done, "stay": stay})
