"""The page on which a person decides one match, and its actions.

Scripts ask for JSON and get the outcome; a plain form post gets a redirect.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpResponseBadRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from base.common.phrases import lowered
from catalogue.models import Recording
from review.choices import CLAIM_VERBS, Verb
from review.decisions import undo
from review.decisions.decide import decide_one
from review.decisions.verbs import RULES
from review.errors import ReviewError
from review.models import Licence, Match
from review.services import locks, transitions
from review.services.speech import check_speech
from web.portal.review import page
from web.portal.review.forms import DecisionForm, ReleaseForm
from web.portal.review.page import Draft
from web.portal.review.queue import Queue, View
from web.portal.review.undo import undoing_of
from web.portal.shared import drafts, selection
from web.portal.shared import selectors as shared_selectors
from web.portal.shared.access import PortalRequest, needs, wants_json
from web.portal.shared.drafts import keeps_typed
from web.portal.shared.fields import sentence_of

MAX_NAME_CHARS = 64
MISSING_NAME = _("The page did not name the decision that it takes back.")
MISSING_VERSION = _("The page did not say which version of the match it showed.")


def page_of(uid: str) -> str:
    """Return the path of a match's review page."""
    return reverse("portal:match", args=[uid])


@require_safe
@never_cache
@needs(Action.VIEW)
def review(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one match and take its review lock for a user who may decide it.

    A page that a script or the browser only prefetches takes no lock.
    """
    match = find_match(uid)
    purpose = request.headers.get("Sec-Purpose", "")
    looks_ahead = "X-Look-Ahead" in request.headers or "prefetch" in purpose
    if request.method == "GET" and not looks_ahead:
        match = page.open_match(match=match, user=request.user)
    # The input that was kept for this page when the session ended.
    form_values, draft = drafts.take(request), None
    if form_values is not None:
        draft = Draft.of(form_values, code=drafts.CODE, message=drafts.message())
    return _page(request, match, draft=draft)


@require_safe
@never_cache
@needs(Action.VIEW)
def preview(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one match beside its list, without taking its review lock.

    With ``bar`` in the query string, only the decision bar is drawn.
    """
    match, queue = find_match(uid), _queue(request)
    if "bar" in request.GET:
        context = page.verbs_beside(match=match, queue=queue)
    else:
        chosen = request.GET.get("segment", "")
        context = page.preview(match=match, queue=queue, chosen=chosen)
    context |= {
        "last": page.last_of(request, _list_address(request)),
        "only_bar": "bar" in request.GET,
        "query": queue.query(list=request.GET.get("list")),
        "asked": "",
    }
    return render(request, "portal/review/preview.html", context)


@keeps_typed(page_of)
@require_POST
@needs(Action.DECIDE)
def decide(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Save one decision and go on to the next match of the queue."""
    match, rule = find_match(uid), RULES.get(request.POST.get("verb", ""))
    version = selection.read_version(request.POST.get("version", ""))
    if rule is None or rule.verb == Verb.EXCLUDE or version is None:
        return refuse(request, match, "bad_request", MISSING_VERSION, status=400)
    undone = rule.verb in (Verb.UNDO, Verb.REOPEN)
    switches = rule.verb == Verb.CHOOSE
    # The next match of the queue is no dispute, unless the user walks through those.
    walks = _queue(request).view == View.DISPUTES
    stays = undone or switches or (rule.verb in CLAIM_VERBS and not walks)
    if was_made(request, match):
        return answer_decided(request, match, stays=stays, undone=undone)
    # Claims can be disputed and answered after their file or recording has gone.
    changed = page.changed_standing(match, request.POST)
    if changed and rule.verb not in CLAIM_VERBS:
        return refuse(request, match, "gone", changed, status=409)
    licence = Licence.objects.filter(uid=request.POST.get("licence", "")).first()
    version_of = Recording.objects.filter(uid=request.POST.get("recording", ""))
    form = DecisionForm(rule, request.POST, licence=licence, recording=version_of.first())
    if not form.is_valid():
        return refuse(request, match, "reason_missing", sentence_of(form), status=409)
    undoing = undoing_of(match, request.user) if rule.verb == Verb.UNDO else None
    if undoing and undoing.asks and "agreed" not in request.POST:
        return refuse(request, match, "ask_first", " ".join(undoing.asks), status=409)
    decide = partial(
        decide_one, match=match, user=request.user, version=version, decision=form.decision()
    )
    try:
        decided = make_once(request, match, decide)
    except ReviewError as refused:
        return refuse(request, match, refused.code, refused.message, status=409)
    return answer_decided(request, decided, stays=stays, undone=undone)


@keeps_typed(page_of)
@require_POST
@needs(Action.DECIDE)
def take_back(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Take back a decision of which the browser does not know whether it arrived."""
    match, name = find_match(uid), request.POST.get("name", "")[:MAX_NAME_CHARS]
    if not name:
        return refuse(request, match, "bad_request", MISSING_NAME, status=400)
    try:
        current = undo.take_back(match=match, user=request.user, name=name)
    except ReviewError as refused:
        return refuse(request, match, refused.code, refused.message, status=409)
    answer = {"uid": match.uid, "version": current.version, "undone": was_made(request, match)}
    return JsonResponse(answer)


@keeps_typed(page_of)
@require_POST
@needs(Action.DECIDE)
def note(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Add a note to the match's history."""
    match = find_match(uid)
    keep = partial(
        transitions.add_note, match=match, user=request.user, note=request.POST.get("note", "")
    )
    try:
        make_once(request, match, keep)
    except ReviewError as refused:
        return refuse(request, match, refused.code, refused.message, status=409)
    if wants_json(request):
        return JsonResponse({"message": gettext("Note added to the history.")})
    return redirect(_queue(request).url_of(match))


@keeps_typed(page_of)
@require_POST
@needs(Action.DECIDE)
def speech(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Store whether a person hears speech over most of the match; twice is once."""
    match = find_match(uid)
    check_speech(match=match, user=request.user, heard=request.POST.get("heard") == "yes")
    if wants_json(request):
        return JsonResponse({"uid": match.uid})
    return redirect(_queue(request).url_of(match))


@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.VIEW)
def lock(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Return the state of the review lock; a POST takes or extends it.

    A script sends the version and standing that its page shows, to learn whether the
    match changed.
    """
    match = find_match(uid)
    if request.method == "POST":
        try:
            locks.take_lock(match=match, user=request.user, break_lock="break" in request.POST)
        except ReviewError as refused:
            return refuse(request, match, refused.code, refused.message, status=409)
        match.refresh_from_db()
    if not wants_json(request):
        return redirect(_queue(request).url_of(match))
    drawn_version = selection.read_version(request.GET.get("version", ""))
    stood = request.GET.get("standing")
    return JsonResponse(
        page.live(match=match, queue=_queue(request), drawn_version=drawn_version, stood=stood)
    )


@require_POST
@needs(Action.DECIDE)
def release(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Release the review lock without a decision.

    A script that leaves the page sends ``until``, the end of the lock that it knows.
    """
    match = find_match(uid)
    form = ReleaseForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(sentence_of(form))
    until = form.cleaned_data["until"]
    try:
        locks.release_lock(match=match, user=request.user, until=until)
    except ReviewError as refused:
        return refuse(request, match, refused.code, refused.message, status=409)
    if wants_json(request):
        return JsonResponse({"message": gettext("Review lock released.")})
    return redirect(_queue(request).url)


def find_match(uid: str) -> Match:
    """Return the match with its required relations; optional ones load when read."""
    matches = Match.objects.select_related("recording", "scanned_file__container", "scan")
    return shared_selectors.find_match(matches, uid)


def _queue(request: PortalRequest) -> Queue:
    return Queue.from_query(request.GET, request.user)


def _list_address(request: PortalRequest) -> str:
    """Return the address of the list that the user walks through."""
    return request.GET.get("list") or _queue(request).url


def was_made(request: PortalRequest, match: Match) -> bool:
    """Return whether this request repeats a decision that was made."""
    name = request.POST.get("name", "")
    return transitions.was_made(match=match, user=request.user, name=name)


def make_once(request: PortalRequest, match: Match, decide: Callable[[], Match]) -> Match:
    """Decide the match, unless this request repeats a decision that was made."""
    name = request.POST.get("name", "")[:MAX_NAME_CHARS]
    return transitions.make_once(match=match, user=request.user, name=name, decide=decide)


def _page(
    request: PortalRequest, match: Match, *, draft: Draft | None = None, status: int = 200
) -> HttpResponseBase:
    context = page.page(
        match=match, queue=_queue(request), chosen=request.GET.get("segment", ""), draft=draft
    )
    context |= {
        "last": page.last_of(request, _list_address(request)),
        "asked": request.GET.get("ask", ""),
    }
    return render(request, "portal/review/review.html", context, status=status)


def answer_decided(
    request: PortalRequest, match: Match, *, stays: bool = False, undone: bool = False
) -> HttpResponseBase:
    """Go to the next match after a decision; ``stays`` keeps the user on this one."""
    if undone:
        request.session.pop(page.LAST, None)
    else:
        page.keep_last(request, match, _list_address(request))
    queue = _queue(request)
    done = gettext("%(name)s: %(state)s.") % {
        "name": match.recording.full_title,
        "state": lowered(match.get_state_display()),
    }
    if wants_json(request):
        context = {
            "last": page.last_of(request, _list_address(request)),
            "query": queue.query(list=request.GET.get("list")),
        }
        if "leaves" in request.POST:
            messages.success(request, done)
        answer = {
            "uid": match.uid,
            "state": match.state,
            "version": match.version,
            "last": render_to_string("portal/review/_last.html", context, request),
            "stays": stays,
        }
        return JsonResponse(answer)
    if stays:
        return redirect(queue.url_of(match))
    following = queue.next_to(match)
    if following is not None:
        return redirect(queue.url_of(following))
    messages.success(request, done)
    return redirect(queue.url)


def refuse(
    request: PortalRequest,
    match: Match,
    code: str,
    message: str | Promise,
    *,
    status: int,
    verb: str = "",
) -> HttpResponseBase:
    """Answer with the cause, and keep the user's input."""
    if wants_json(request):
        return JsonResponse({"code": code, "message": message}, status=status)
    draft = Draft.of(request.POST, code=code, message=str(message), verb=verb)
    return _page(request, find_match(match.uid), draft=draft, status=status)
