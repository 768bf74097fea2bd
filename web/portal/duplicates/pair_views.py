"""Comparing two recordings, and merging many groups at once."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from catalogue.models import Recording
from catalogue.selectors import search_recordings
from dedup import actions, comparing
from dedup.errors import ActionRefused
from dedup.models import ActionState, PairLink
from recognition.errors import RecognitionError
from web.portal.duplicates import page
from web.portal.duplicates.pair_page import pair_context
from web.portal.shared import selection
from web.portal.shared.access import PortalRequest, needs


@require_safe
@needs(Action.VIEW)
def duplicate_pair(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show a pair of recordings that share sound."""
    link = get_object_or_404(
        PairLink.objects.select_related("one__bucket", "other__bucket"), uid=uid
    )
    return _render_pair(request, link.one, link.other, link)


@require_safe
@needs(Action.VIEW)
def duplicate_compare(request: PortalRequest) -> HttpResponseBase:
    """Compare two recordings by ``a`` and ``b`` of the query, or ask for them."""
    texts, recordings, problems = {}, {}, {}
    for name in ("a", "b"):
        texts[name] = request.GET.get(name, "").strip()
        rows = search_recordings(text=texts[name]) if texts[name] else None
        recordings[name] = rows.order_by("pk").first() if rows is not None else None
        if texts[name] and recordings[name] is None:
            problems[name] = _("No recording has this id, code or title.")
    first, second = recordings["a"], recordings["b"]
    if first is not None and second is not None and first == second:
        problems["b"] = _("That is the same recording; choose another one.")
    if first is None or second is None or problems:
        return render(
            request, "portal/duplicates/compare.html", {"entered": texts, "problems": problems}
        )
    try:
        link = comparing.compare_pair(first, second)
    except (FileNotFoundError, ValueError, RecognitionError):
        problems["b"] = _(
            "One of them has no fingerprint: it waits for a worker, or its audio could not be read."
        )
        return render(
            request, "portal/duplicates/compare.html", {"entered": texts, "problems": problems}
        )
    first, second = sorted((first, second), key=lambda recording: recording.pk)
    return _render_pair(request, first, second, link)


@require_POST
@needs(Action.DECIDE)
def duplicate_pair_keep(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Keep a pair apart, so that it is not proposed again."""
    link = get_object_or_404(PairLink.objects.select_related("one", "other"), uid=uid)
    try:
        action = actions.keep_apart(first=link.one, second=link.other, user=request.user)
    except ActionRefused as refused:
        messages.error(request, refused.message)
        return redirect("portal:duplicate_pair", uid=uid)
    messages.success(
        request,
        _("Proposed to a manager.")
        if action.state == ActionState.PROPOSED
        else _("Kept apart, and not proposed again unless the audio changes."),
    )
    return redirect("portal:duplicates")


@require_http_methods(["GET", "POST"])
@needs(Action.EDIT_DUPLICATES)
def duplicate_bulk(request: PortalRequest) -> HttpResponseBase:
    """Preview merging many groups of copies; merge them on POST."""
    if request.method == "POST":
        done, refused = actions.merge_many(
            versions=selection.unpack(request.POST.getlist("group")), user=request.user
        )
        if done:
            messages.success(
                request,
                ngettext(
                    "%(n)s group merged. It can be undone for 30 days.",
                    "%(n)s groups merged. Each can be undone for 30 days.",
                    done,
                )
                % {"n": done},
            )
        for title, why in refused:
            messages.error(request, f"{title}: {why}")
        return redirect("portal:duplicates")
    kind = "same_audio" if request.GET.get("kind") == "same_audio" else "exact_file"
    keys = page.list_keys(kind=kind, bucket=None)
    groups = [key for key in keys if key[0] == "group"][: actions.BULK_LIMIT]
    context = page.bulk_context([pk for _name, pk in groups])
    return render(request, "portal/duplicates/bulk.html", context | {"kind": kind})


def _render_pair(
    request: PortalRequest, first: Recording, second: Recording, link: PairLink
) -> HttpResponseBase:
    context = pair_context(first, second, link, request.GET.get("segment", ""))
    query = "" if link.pk else f"?a={first.uid}&b={second.uid}"
    context |= {
        "here": request.path,
        "query": query,
        "may_act": request.user.has_perm(Action.DECIDE),
    }
    return render(request, "portal/duplicates/pair.html", context)
