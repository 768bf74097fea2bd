"""Views of what recordings lack, and of the suggestions for it."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from base.common.reading import read_number
from base.common.uid import new_uid
from base.jobs.services import submit
from catalogue.models import Recording
from plugins.filling import deciding, differences, selectors
from plugins.filling.choices import FillField, SuggestionState
from plugins.filling.errors import EnrichmentRefused
from plugins.filling.jobs import APPLY
from plugins.filling.models import EnrichmentSource, KnownDifference, Suggestion
from plugins.filling.pages import page
from plugins.filling.pages.lists import SUGGESTIONS
from web.portal.pictures.waveform import load_waveform, wave_paths
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.consequences import consequences_of
from web.portal.shared.declared import query_of
from web.portal.shared.lists import COUNTED, count_of
from web.portal.shared.playback import audio_url
from web.portal.shared.remembered import remembered

_LEAST: Final = 10
# Trying the change costs as much as making it.
_TRIED: Final = 200


@require_safe
@needs(Action.VIEW)
def fill_in(request: PortalRequest) -> HttpResponseBase:
    """Show what recordings lack, bucket by bucket, and what can be done about it."""
    counted = (Recording.objects.all(), selectors.open_suggestions())
    few = all(count_of(rows) <= COUNTED for rows in counted)
    read = selectors.gaps_by_bucket
    counted_gaps = read() if few else remembered("gaps", request.user, read)
    buckets = [(bucket, [page.bar_of(gap) for gap in gaps]) for bucket, gaps in counted_gaps]
    context = {
        "buckets": buckets,
        "marks": page.marks(),
        "sources": EnrichmentSource.objects.all(),
        "acts": page.acts(),
        "may_edit": request.user.has_perm(Action.EDIT_CATALOGUE),
    }
    return render(request, "portal/enrichment/fill_in.html", context)


@require_safe
@needs(Action.VIEW)
def suggestion(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one suggestion: our recording beside what the sources have."""
    row = get_object_or_404(
        Suggestion.objects.select_related("recording__bucket", "decided_by"), uid=uid
    )
    return _show(request, row)


def _show(request: PortalRequest, row: Suggestion, *, problem: str = "") -> HttpResponseBase:
    rows = SUGGESTIONS.selected(request)
    earlier, later = page.neighbours(row, rows)
    recording = row.recording
    context = {
        "row": row,
        "problem": problem,
        "recording": recording,
        "sides": page.sides(row),
        "earlier": earlier,
        "later": later,
        "query": query_of(request),
        "wave": wave_paths(load_waveform(recording)),
        "audio_url": audio_url(recording),
        "may_decide": row.state == SuggestionState.OPEN
        and request.user.has_perm(Action.EDIT_CATALOGUE),
        "last": page.last_act(request.user),
    }
    status = 409 if problem else 200
    return render(request, "portal/enrichment/suggestion.html", context, status=status)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def suggestion_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Accept or reject one suggestion, and open the next one."""
    row = get_object_or_404(Suggestion.objects.select_related("recording"), uid=uid)
    _earlier, later = page.neighbours(row, SUGGESTIONS.selected(request))
    try:
        if request.POST.get("verb") == "accept":
            deciding.accept(suggestion=row, user=request.user)
            done = _("%(value)s was accepted for %(title)s.")
        else:
            deciding.reject(suggestion=row, user=request.user)
            done = _("%(value)s was rejected for %(title)s.")
    except EnrichmentRefused as refused:
        row.refresh_from_db()
        return _show(request, row, problem=str(refused))
    messages.success(request, done % {"value": row.value, "title": row.recording.full_title})
    if request.POST.get("back") == "list" or later is None:
        return redirect(f"{reverse('portal:suggestion_list')}{query_of(request)}")
    address = reverse("portal:suggestion", args=[later.uid])
    return redirect(f"{address}{query_of(request)}")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.EDIT_CATALOGUE)
def suggestion_bulk(request: PortalRequest) -> HttpResponseBase:
    """Show what accepting all safe suggestions of a list changes, then accept them."""
    rows = SUGGESTIONS.selected(request).filter(selectors.is_safe())
    count = rows.count()
    ordered = rows.order_by("confidence", "pk").values_list("pk", flat=True)
    keys = list(ordered[:_TRIED])
    back = f"{reverse('portal:suggestion_list')}{query_of(request)}"
    if not keys:
        messages.error(request, _("No suggestion of this list may be accepted in one go."))
        return redirect(back)
    if request.POST.get("expected") == str(count) and _accept_later(request, rows, count):
        return redirect("portal:fill_in")
    least = Suggestion.objects.filter(pk__in=keys[:_LEAST]).select_related("recording")
    isrcs = Suggestion.objects.filter(pk__in=keys, field=FillField.ISRC)
    context = {
        "count": count,
        "has_changed": request.method == "POST",
        "fields": selectors.counted_by_field(rows),
        "least": least.order_by("confidence", "pk"),
        "back": back,
        "tried": len(keys),
        "consequences": _consequences(request, keys),
        "isrcs": list(isrcs.values_list("value", flat=True)),
    }
    return render(request, "portal/enrichment/bulk.html", context)


def _consequences(request: PortalRequest, keys: list[int]) -> object:
    some = Suggestion.objects.filter(pk__in=keys)

    def accept() -> None:
        act = new_uid("fa")
        some.update(act=act)
        deciding.apply_act(act=act, user=request.user)

    about = Q(recording__in=some.values("recording"))
    return consequences_of(accept, about=about)


def _accept_later(request: PortalRequest, rows: QuerySet[Suggestion], count: int) -> bool:
    """Have the suggestions accepted; False if they are others by now."""
    act = new_uid("fa")
    with transaction.atomic():
        chosen = Suggestion.objects.filter(pk__in=rows.order_by().values("pk"))
        if chosen.update(act=act) != count:
            transaction.set_rollback(True)
            return False
        submit(APPLY, None, user=request.user, person_waits=True, data={"act": act})
    message = ngettext(
        "%(count)s suggestion is being accepted. It can be undone here.",
        "%(count)s suggestions are being accepted. They can be undone here.",
        count,
    )
    messages.success(request, message % {"count": read_number(count)})
    return True


@require_POST
@needs(Action.EDIT_CATALOGUE)
def filling_undo(request: PortalRequest) -> HttpResponseBase:
    """Undo what was accepted or rejected at once."""
    try:
        outcome = deciding.undo_act(act=request.POST.get("act", ""), user=request.user)
    except EnrichmentRefused as refused:
        messages.error(request, str(refused))
    else:
        done = ngettext(
            "Undone: %(count)s suggestion is open again.",
            "Undone: %(count)s suggestions are open again.",
            len(outcome.done),
        )
        messages.success(request, done % {"count": read_number(len(outcome.done))})
        for _row, why in outcome.skipped[:_LEAST]:
            messages.warning(request, why)
    if request.POST.get("back") == "list":
        return redirect(f"{reverse('portal:suggestion_list')}{query_of(request)}")
    return redirect("portal:fill_in")


@require_POST
@needs(Action.EDIT_CATALOGUE)
def difference_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Let another value count as right, too, or no longer."""
    row = get_object_or_404(KnownDifference.objects.select_related("recording"), uid=uid)
    try:
        differences.judge(
            difference=row,
            is_also_right=request.POST.get("verb") == "also_right",
            user=request.user,
        )
    except EnrichmentRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Saved. The next search measures with it."))
    return redirect(f"{reverse('portal:difference_list')}{query_of(request)}")
