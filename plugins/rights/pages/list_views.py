"""Views that list works, parties and releases, and export the claims of a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from base.accounts.limits import costly
from base.accounts.reach import sees_every_bucket
from base.accounts.roles import Action
from catalogue.owners.choices import ConflictState
from catalogue.owners.models import Release, Work
from catalogue.owners.selectors import parties_in_reach, recordings_in_reach
from plugins.rights import exporting, selectors
from plugins.rights.pages import page
from plugins.rights.pages.forms import RightsExportForm, RightsFilterForm
from reports.choices import Format
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import sent
from web.portal.shared.lists import page_of, sorted_by


@require_safe
@needs(Action.VIEW)
def work_list(request: PortalRequest) -> HttpResponseBase:
    """List works."""
    columns = {"title": "title_key", "iswc": "iswc"}
    rows = Work.objects.annotate(
        share_count=Count("shares", filter=Q(shares__withdrawn_at__isnull=True), distinct=True),
        recording_count=Count("recordings", filter=_seen("recordings"), distinct=True),
        conflict_count=Count(
            "conflicts", filter=Q(conflicts__state=ConflictState.OPEN), distinct=True
        ),
    )
    return _list(request, "works", selectors.search_works, rows, columns)


@require_safe
@needs(Action.VIEW)
def party_list(request: PortalRequest) -> HttpResponseBase:
    """List parties."""
    columns = {"title": "name_key", "ipi": "ipi_name"}
    rows = parties_in_reach()
    return _list(request, "parties", selectors.search_parties, rows, columns)


@require_safe
@needs(Action.VIEW)
def release_list(request: PortalRequest) -> HttpResponseBase:
    """List releases."""
    columns = {"title": "title_key", "upc": "upc", "label": "label"}
    rows = Release.objects.annotate(track_count=Count("tracks", filter=_seen("tracks__recording")))
    return _list(request, "releases", selectors.search_releases, rows, columns)


@costly("GET", "POST")
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.REPORT)
def rights_export(request: PortalRequest) -> HttpResponseBase:
    """Ask for a source, and send its claims as a table."""
    sources = exporting.sources()
    form = RightsExportForm(request.POST or None, sources=page.source_choices(sources))
    if form.is_valid():
        source = str(form.cleaned_data["source"]).removeprefix("=")
        pieces = exporting.as_csv(source=source, user=request.user)
        return sent(pieces, name="rights", form=Format.CSV)
    context = {"form": form, "has_sources": bool(sources)}
    return render(request, "portal/rights/export.html", context)


def _seen(path: str) -> Q:
    """Return the condition that the reader may see the recording with rights there."""
    if sees_every_bucket():
        return Q()
    return Q((f"{path}__in", recordings_in_reach().values("pk")))


def _list(
    request: PortalRequest,
    name: str,
    search: Callable[[str], QuerySet[Any]],  # Any: records of one model
    rows: QuerySet[Any],
    columns: Mapping[str, str],
) -> HttpResponseBase:
    filters = RightsFilterForm(request.GET)
    filters.is_valid()
    matches = search((filters.cleaned_data.get("q") or "").strip())
    page_obj = page_of(request, sorted_by(request, matches, columns, default="title"))
    # Counted for one page only.
    records = rows.in_bulk([row.pk for row in page_obj])
    context = {
        "filters": filters,
        "page_obj": page_obj,
        "rows": [records[row.pk] for row in page_obj],
        "here": name,
        "may_edit": request.user.has_perm(Action.EDIT_CATALOGUE),
        "may_report": request.user.has_perm(Action.REPORT),
    }
    return render(request, f"portal/rights/{name}.html", context)
