"""The answer for two versions that fit equally: which one stands for both in all files."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from base.accounts.roles import Action
from base.common.reading import read_number
from review.errors import ReviewError
from review.services import choosing
from review.versions import candidates_of
from web.portal.review.queue import Queue
from web.portal.review.views import find_match
from web.portal.shared.access import PortalRequest, needs


@require_POST
@needs(Action.DECIDE)
def answer_for_pair(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Store the answer for a match's recording and one of its candidates."""
    match = find_match(uid)
    by_uid = {candidate.recording.uid: candidate.recording for candidate in candidates_of(match)}
    candidate = by_uid.get(request.POST.get("candidate", ""))
    back = redirect(Queue.from_query(request.GET, request.user).url_of(match))
    if candidate is None:
        messages.error(
            request,
            gettext("This version does not fit the match equally any more. Nothing was done."),
        )
        return back
    both = {recording.uid: recording for recording in (match.recording, candidate)}
    stands = both.get(request.POST.get("stands", ""))
    try:
        followed = choosing.answer(
            recording=match.recording, alternative=candidate, stands=stands, user=request.user
        )
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        done = (
            gettext("%(title)s stands for both.") % {"title": stands.full_title}
            if stands is not None
            else gettext("Each file asks which version it has.")
        )
        following = ngettext("%(shown)s match follows.", "%(shown)s matches follow.", followed) % {
            "shown": read_number(followed)
        }
        messages.success(request, f"{done} {following}")
    return back
