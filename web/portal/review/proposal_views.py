"""Answering a proposed exclusion, from the match that it concerns or from the queue."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from base.accounts.roles import Action
from catalogue.models import Exclusion
from review.choices import WAITING_STATES, ProposalVerb
from review.decisions import proposals
from review.errors import ReviewError
from review.models import Match
from review.services import exclusions
from web.portal.pictures.exclusion import preview, seen_mark
from web.portal.review import page, views
from web.portal.review.queue import Queue
from web.portal.review.reasons import FROM_QUEUE, proposed
from web.portal.shared import selection
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.drafts import keeps_typed

_SEE_FIRST = _("Preview this exclusion, then approve it.")
_DONE = {
    ProposalVerb.APPROVE: _("The interval was excluded."),
    ProposalVerb.REFUSE: _("The exclusion was refused; its matches are back in the queue."),
}


def _page_of(uid: str, exclusion: str) -> str:
    return reverse("portal:match_proposal", args=[uid, exclusion])


@keeps_typed(_page_of)
@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.DECIDE)
def proposal(request: PortalRequest, uid: str, exclusion: str) -> HttpResponseBase:
    """Show the proposal and the matches that it touches; approve or refuse it on POST."""
    match = views.find_match(uid)
    proposed_exclusion = get_object_or_404(
        Exclusion.objects.select_related("recording", "created_by"),
        uid=exclusion,
        recording=match.recording_id,
    )
    if request.method == "GET":
        return _page(request, match, proposed_exclusion)
    verb = request.POST.get("verb", "")
    version = selection.read_version(request.POST.get("version", ""))
    if verb not in ProposalVerb.values or version is None:
        return views.refuse(request, match, "bad_request", views.MISSING_VERSION, status=400)
    if views.was_made(request, match):
        return _answered(request, match, ProposalVerb(verb))
    changed = page.changed_standing(match, request.POST)
    if changed:
        return views.refuse(request, match, "gone", changed, status=409)
    mark = seen_mark((proposed_exclusion.start_ms, proposed_exclusion.end_ms))
    if verb == ProposalVerb.APPROVE and request.POST.get("seen") != mark:
        return views.refuse(request, match, "preview_first", _SEE_FIRST, status=409)
    try:
        answer = partial(_answer, request, match, proposed_exclusion, ProposalVerb(verb), version)
        decided = views.make_once(request, match, answer)
    except ReviewError as refused:
        return views.refuse(request, match, refused.code, refused.message, status=409)
    return _answered(request, decided, ProposalVerb(verb))


def _answered(request: PortalRequest, decided: Match, verb: ProposalVerb) -> HttpResponseBase:
    if request.GET.get("leads") == FROM_QUEUE:
        messages.success(request, _DONE[verb])
        return redirect(Queue.from_query(request.GET, request.user).url)
    stays = decided.state in WAITING_STATES[:2]
    return views.answer_decided(request, decided, stays=stays)


def _answer(
    request: PortalRequest, match: Match, exclusion: Exclusion, verb: ProposalVerb, version: int
) -> Match:
    if verb == ProposalVerb.APPROVE:
        return proposals.approve_from_match(
            match=match,
            segment=exclusion,
            user=request.user,
            version=version,
            chosen=set(request.POST.getlist("match")),
        )
    return proposals.refuse_from_match(
        match=match,
        segment=exclusion,
        user=request.user,
        version=version,
        note=request.POST.get("note", ""),
    )


def _page(request: PortalRequest, match: Match, exclusion: Exclusion) -> HttpResponseBase:
    queue = Queue.from_query(request.GET, request.user)
    if exclusion.approved or exclusion.removed_at is not None:
        messages.info(request, gettext("Somebody has already answered this proposal."))
        return redirect(queue.url_of(match))
    interval = (exclusion.start_ms, exclusion.end_ms)
    leads = FROM_QUEUE if request.GET.get("leads") == FROM_QUEUE else ""
    context = {
        "match": match,
        "queue": queue,
        "here": queue.url_of(match),
        "standing": page.standing(match),
        "proposal": proposed(exclusion=exclusion, match=match, queue=queue, leads=leads),
        "preview": preview(recording=match.recording, interval=interval).without(match),
        "leaves_nothing": exclusions.leaves_nothing(match=match, interval=interval),
        "seen": seen_mark(interval),
    }
    return render(request, "portal/review/proposal.html", context)
