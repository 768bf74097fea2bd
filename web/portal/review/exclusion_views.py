"""Key X of the review page: exclude an interval of the match's reference."""

from __future__ import annotations

from functools import partial

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from base.accounts.roles import Action
from review.choices import WAITING_STATES, Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.errors import ReviewError
from review.models import Match
from review.services import exclusions
from web.portal.pictures import exclusion
from web.portal.pictures.exclusion import IntervalForm
from web.portal.review import page, views
from web.portal.shared import selection
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.drafts import keeps_typed
from web.portal.shared.fields import sentence_of

_SEE_FIRST = _("Preview this interval, then exclude it.")


@keeps_typed(views.page_of)
@require_http_methods(["GET", "POST"])
@needs(Action.DECIDE)
def exclude(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Preview an exclusion as a page fragment on GET; save it on POST.

    A POST saves only if the user has seen the preview of exactly this interval.
    """
    match = views.find_match(uid)
    form = IntervalForm(match.recording, request.POST or request.GET)
    if request.method == "GET":
        return _preview(request, match, form)
    refuse = partial(views.refuse, request, match, verb=Verb.EXCLUDE)
    version = selection.read_version(request.POST.get("version", ""))
    if version is None:
        return refuse("bad_request", views.MISSING_VERSION, status=400)
    if not form.is_valid():
        return refuse("bad_interval", sentence_of(form), status=400)
    # Without JavaScript, a button posts the form only to see the preview.
    if "look" in request.POST:
        return refuse("", "", status=200)
    if views.was_made(request, match):
        return _answer(request, match)
    changed = page.changed_standing(match, request.POST)
    if changed:
        return refuse("gone", changed, status=409)
    if request.POST.get("seen") != exclusion.seen_mark(form.interval()):
        return refuse("preview_first", _SEE_FIRST, status=409)
    try:
        decision = Decision(
            Verb.EXCLUDE,
            code=form.cleaned_data["reason"],
            note=form.cleaned_data["note"],
            interval=form.interval(),
            also=set(request.POST.getlist("match")),
        )
        decide = partial(
            decide_one, match=match, user=request.user, version=version, decision=decision
        )
        decided = views.make_once(request, match, decide)
    except ReviewError as refused:
        return refuse(refused.code, refused.message, status=409)
    return _answer(request, decided)


def _answer(request: PortalRequest, decided: Match) -> HttpResponseBase:
    stays = decided.state in WAITING_STATES[:2]
    return views.answer_decided(request, decided, stays=stays)


def _preview(request: PortalRequest, match: Match, form: IntervalForm) -> HttpResponseBase:
    if not form.is_valid():
        context: dict[str, object] = {"fault": sentence_of(form)}
        return render(request, "portal/review/_part_preview.html", context)
    try:
        exclusions.refuse_merged(match)
    except ReviewError as refused:
        return render(request, "portal/review/_part_preview.html", {"fault": refused.message})
    interval = form.interval()
    effect = exclusion.preview(recording=match.recording, interval=interval)
    context = {
        "match": match,
        "preview": effect.without(match),
        "of_others": True,
        # The match is decided with the exclusion, not suppressed like the others.
        "rejects": exclusions.leaves_nothing(match=match, interval=interval),
        "seen": exclusion.seen_mark(interval),
    }
    return render(request, "portal/review/_part_preview.html", context)
