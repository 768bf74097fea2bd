"""The pages on which the admin asks what a decision needs, for one match and many.

Both end in ``review.services.bulk``, under the same rules as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse

from accounts.roles import Action
from portal import selection
from portal.admin.base import user_of
from portal.decision_forms import DecisionForm
from portal.queue_forms import AssignForm
from portal.selection import Versions
from review.choices import Verb
from review.errors import ReviewError
from review.models import Match
from review.services import assignment, bulk
from review.services.bulk import BulkOutcome

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

PREVIEW_ROWS = 20
REFUSALS_SHOWN = 10

_TITLES = {
    Verb.CONFIRM: "Confirm as ours",
    Verb.CLEAR: "Clear",
    Verb.REJECT: "Reject",
    Verb.ESCALATE: "Escalate",
    Verb.REOPEN: "Reopen",
    Verb.UNDO: "Undo the last decision",
}
_DONE = {
    Verb.CONFIRM: "confirmed",
    Verb.CLEAR: "cleared",
    Verb.REJECT: "rejected",
    Verb.ESCALATE: "escalated",
    Verb.REOPEN: "opened again",
    Verb.UNDO: "back where it was",
}


def decide_one(
    request: HttpRequest, pk: int, verb: str, model_admin: ModelAdmin[Match]
) -> HttpResponse:
    """Ask what the decision needs, carry it out, and go back to the match.

    The version of the match that the person saw travels with the page.
    """
    if verb not in Verb.values:
        raise Http404
    if not request.user.has_perm(Action.DECIDE):
        raise PermissionDenied
    match = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    posted = request.method == "POST"
    form = DecisionForm(Verb(verb), request.POST if posted else None)
    asked = request.POST if posted else request.GET
    version = selection.read_version(asked.get("version", ""))
    if posted and version is not None and form.is_valid():
        _carry_out(request, match, form, version)
        return redirect("admin:review_match_change", match.pk)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _TITLES[form.verb],
        "subtitle": str(match),
        "match": match,
        "form": form,
        "version": match.version if version is None else version,
    }
    return TemplateResponse(request, "admin/review/match/decide.html", context)


def _carry_out(
    request: HttpRequest, match: Match, form: DecisionForm, version: int
) -> None:
    try:
        bulk.decide(
            match=match,
            user=user_of(request),
            version=version,
            decision=form.decision(),
        )
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"{match} is {_DONE[form.verb]}.")


@dataclass(frozen=True, slots=True)
class _Work:
    """What is done to many matches: its words, what it asks for, and the doing."""

    title: str
    done: str
    form: DecisionForm | AssignForm
    act: Callable[[Versions], BulkOutcome]


def decide_many(
    model_admin: ModelAdmin[Match],
    request: HttpRequest,
    queryset: QuerySet[Match],
    verb: Verb,
) -> HttpResponse | None:
    """Decide each of what was selected, after a preview."""
    form = DecisionForm(verb, _sent(request))

    def act(expected: Versions) -> BulkOutcome:
        return bulk.bulk_decide(
            expected=expected, user=user_of(request), decision=form.decision()
        )

    work = _Work(_TITLES[verb], _DONE[verb], form, act)
    return _carry_out_many(model_admin, request, queryset, work)


def assign_many(
    model_admin: ModelAdmin[Match], request: HttpRequest, queryset: QuerySet[Match]
) -> HttpResponse | None:
    """Give each of what was selected to a person, after a preview."""
    form = AssignForm(_sent(request))

    def act(expected: Versions) -> BulkOutcome:
        return assignment.bulk_assign(
            uids=list(expected),
            user=user_of(request),
            assignee=form.cleaned_data["assignee"],
            note=form.cleaned_data["note"],
        )

    work = _Work("Assign", "assigned", form, act)
    return _carry_out_many(model_admin, request, queryset, work)


def _sent(request: HttpRequest) -> QueryDict | None:
    """Return what the page of an action sent; None where it was only chosen."""
    return request.POST if "apply" in request.POST else None


def _carry_out_many(
    model_admin: ModelAdmin[Match],
    request: HttpRequest,
    queryset: QuerySet[Match],
    work: _Work,
) -> HttpResponse | None:
    """Show count, preview and what is needed; once that is sent, do it."""
    applying = _sent(request) is not None
    if applying and work.form.is_valid():
        _apply(request, work)
        return None
    limit = bulk.bulk_limit(user_of(request))
    # A page that comes back with an error still is about what it was about.
    expected = _expected(request) if applying else _versions(queryset, limit)
    if len(expected) > limit:
        messages.error(request, f"Select at most {limit} matches at once.")
        return None
    chosen = Match.objects.filter(uid__in=expected).select_related(
        "recording", "scanned_file"
    )
    preview = list(chosen.order_by("-created_at", "-pk")[:PREVIEW_ROWS])
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": work.title,
        "subtitle": f"{len(expected)} matches" if len(expected) != 1 else "1 match",
        "form": work.form,
        "expected": expected,
        "preview": preview,
        "more": len(expected) - len(preview),
        "action": request.POST.get("action", ""),
        "checkbox": ACTION_CHECKBOX_NAME,
        "any_pk": preview[0].pk if preview else "",
    }
    return TemplateResponse(request, "admin/review/match/decide_many.html", context)


def _versions(queryset: QuerySet[Match], limit: int) -> Versions:
    """Return uid and version of what was selected, one more than allowed at most."""
    rows = queryset.order_by("-created_at", "-pk").values_list("uid", "version")
    return dict(rows[: limit + 1])


def _expected(request: HttpRequest) -> Versions:
    """Read what the page was about: each match with the version that was shown."""
    return selection.unpack(request.POST.getlist("expected"))


def _apply(request: HttpRequest, work: _Work) -> None:
    try:
        outcome = work.act(_expected(request))
    except ReviewError as refused:
        messages.error(request, refused.message)
        return
    _tell(request, work.done, outcome)


def _tell(request: HttpRequest, word: str, outcome: BulkOutcome) -> None:
    """Say how many changed, and for each of the others why not."""
    done, refused = len(outcome.done), len(outcome.refused)
    if done:
        noun = "match is" if done == 1 else "matches are"
        messages.success(request, f"{done} {noun} {word}.")
    for refusal in outcome.refused[:REFUSALS_SHOWN]:
        messages.warning(request, f"{refusal.match}: {refusal.message}")
    if refused > REFUSALS_SHOWN:
        messages.warning(
            request, f"{refused - REFUSALS_SHOWN} more were refused likewise."
        )
