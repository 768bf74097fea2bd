"""One decision for many matches of the queue: a preview, then batches."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponseNotAllowed, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.reading import count_words
from review.choices import Verb
from review.decisions import assignment
from review.decisions.assignment import ASSIGNED
from review.decisions.decide import decide, decision_limit
from review.decisions.verbs import RULES
from review.errors import ReviewError
from review.models import Match
from review.programmes.services import set_uses
from web.portal.review.forms import AssignForm, DecisionForm, UseManyForm
from web.portal.review.queue import AllMatches, Queue
from web.portal.shared import drafts, selection
from web.portal.shared.access import PortalRequest, needs, own_address
from web.portal.shared.drafts import keeps_typed
from web.portal.shared.selection import Progress, Versions

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PREVIEW_ROWS = 20
ASSIGN = "assign"
USE = "use"
_USE_SET = ngettext_lazy("Use of %(shown)s match set", "Use of %(shown)s matches set", "count")
_BulkForm = DecisionForm | AssignForm | UseManyForm
_List = Queue | AllMatches
_OFFERED = (Verb.CONFIRM, Verb.CLEAR, Verb.REJECT, Verb.ESCALATE, Verb.UNDO)
_LABELS: dict[str, str | Promise] = {
    **{verb: RULES[verb].label for verb in _OFFERED},
    ASSIGN: _("Assign"),
    USE: _("Set the use"),
}
_LISTS: dict[str | None, str | Promise] = {
    "file_review": _("Review of the file"),
    "match_list": _("All matches"),
}
"""Lists that lead here besides the queue, by the names of their addresses."""
_DONE: dict[str, _StrPromise] = {
    **{verb: RULES[verb].done for verb in _OFFERED},
    ASSIGN: ASSIGNED,
    USE: _USE_SET,
}


@keeps_typed(lambda: reverse("portal:decide_many"))
@needs(Action.DECIDE)
def decide_many(request: PortalRequest) -> HttpResponseBase:
    """Preview a decision on the selected matches; apply it when the user confirms."""
    kind: type[_List] = AllMatches if request.GET.get("list") == "all" else Queue
    queue = kind.from_query(request.GET, request.user)
    again = drafts.take(request) if request.method == "GET" else None
    if request.method != "POST" and again is None:
        return HttpResponseNotAllowed(["POST"])
    posted = again or request.POST
    verb, chosen = posted.get("verb", ""), _selected(posted, queue)
    back = _back(request, queue)
    if verb not in _DONE:
        messages.error(request, gettext("Choose what to decide."))
        return redirect(back["back"])
    if not chosen and "done" not in posted:
        messages.error(request, gettext("Select at least one match."))
        return redirect(back["back"])
    limit = selection.total_limit(request.user)
    if len(chosen) > limit:
        messages.error(
            request, gettext("Select at most %(limit)s matches at once.") % {"limit": limit}
        )
        return redirect(back["back"])
    data = posted if "apply" in posted else None
    form = _form(verb, data, username_prefix=posted.get("who", ""))
    if again is not None:
        messages.warning(request, drafts.message())
    elif "apply" in posted and form.is_valid():
        return _apply(request, form, verb, back)
    first = Match.objects.filter(uid__in=list(chosen)[:PREVIEW_ROWS])
    context = {
        "form": form,
        "verb": verb,
        "verb_label": _LABELS[verb],
        "chosen": chosen,
        "packed": selection.pack(chosen),
        "counts": selection.count_states(chosen),
        "preview": first.select_related("recording", "scanned_file").order_by("-pk"),
        "more": max(len(chosen) - PREVIEW_ROWS, 0),
        **back,
    }
    return render(request, "portal/review/decide_many.html", context)


def _form(verb: str, data: QueryDict | None, *, username_prefix: str) -> _BulkForm:
    if verb == ASSIGN:
        return AssignForm(data, username_prefix=username_prefix)
    return UseManyForm(data) if verb == USE else DecisionForm(RULES[verb], data)


def _apply(
    request: PortalRequest, form: _BulkForm, verb: str, back: dict[str, str]
) -> HttpResponseBase:
    """Decide the next batch; show the progress page, or the result after the last."""
    progress = Progress.from_post(request.POST)
    if "stop" not in request.POST and progress.remaining:
        step = progress.step(decision_limit(request.user))
        try:
            if isinstance(form, AssignForm):
                outcome = assignment.bulk_assign(
                    uids=list(step),
                    user=request.user,
                    assignee=form.cleaned_data["assignee"],
                    note=form.cleaned_data["note"],
                )
            elif isinstance(form, UseManyForm):
                outcome = set_uses(uids=list(step), change=form.change(), user=request.user)
            else:
                outcome = decide(versions=step, user=request.user, decision=form.decision())
        except ReviewError as refused:
            messages.error(request, refused.message)
            return redirect(back["back"])
        progress = progress.after(step, outcome)
        if progress.remaining:
            return _go_on(request, verb, progress, back)
    done, refused_rows = progress.first_matches()
    context = {
        "done": done,
        "done_count": len(progress.done),
        "packed": selection.pack(progress.done),
        "refused": refused_rows,
        "refused_count": len(progress.refused),
        "left": len(progress.remaining),
        "done_words": count_words(_DONE[verb], len(progress.done)),
        "can_undo": verb not in (Verb.UNDO, ASSIGN, USE),
        "confirmed": list(progress.done) if verb == Verb.CONFIRM else [],
        **back,
    }
    return render(request, "portal/review/decided_many.html", context)


def _go_on(
    request: PortalRequest, verb: str, progress: Progress, back: dict[str, str]
) -> HttpResponseBase:
    """Show the progress; the page's form posts the next batch."""
    answers = {
        name: request.POST[name]
        for name in ("code", "note", "assignee", *UseManyForm.base_fields)
        if name in request.POST
    }
    context = {
        "verb": verb,
        "verb_label": _LABELS[verb],
        "progress": progress,
        "fields": {**progress.fields(), **answers},
        **back,
    }
    return render(request, "portal/review/deciding_many.html", context)


def _back(request: PortalRequest, queue: _List) -> dict[str, str]:
    """Return the list that the selection came from: its address and its name."""
    address = own_address(request, request.GET.get("list", ""))
    try:
        name = _LISTS.get(resolve(urlsplit(address).path).url_name)
    except Resolver404:
        name = None
    if name is not None:
        return {"back": address, "back_name": str(name)}
    is_all = isinstance(queue, AllMatches)
    label = gettext("All matches") if is_all else gettext("Review queue")
    return {"back": queue.url, "back_name": label}


def _selected(posted: QueryDict, queue: _List) -> Versions:
    """Return the ticked matches, or for "all" those of the queue's filters."""
    if "all" in posted:
        # One more than the limit, so that the caller sees that there are too many.
        rows = queue.rows().values_list("uid", "version")
        return dict(rows[: selection.total_limit(queue.user) + 1])
    return selection.unpack(posted.getlist("expected"))
