"""Views that show summaries of matches as charts and send them as CSV."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from django.http import QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_safe

from base.accounts.roles import Action
from base.common.reading import read_date, read_release
from reports import summaries
from reports.summaries import By, SummaryRow, nameless
from review.filters import MatchFilter
from web.portal.pictures.plots import share_bars
from web.portal.reports.forms import SummaryForm
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import attachment

SHOWN = 50
_BARS = 10
_FILTER_OF = {By.LABEL: "label", By.ACCOUNT: "account", By.PLATFORM: "platform"}
_SHOWN_FIELDS = ("by", "container", "bucket", "state", "found_from", "found_until")


@require_safe
@needs(Action.VIEW)
def summary(request: PortalRequest) -> HttpResponseBase:
    """Show counts, matched time and the weekly trend."""
    filters, by = _read_query(request.GET)
    rows = list(
        summaries.summarise(
            filters=filters,
            by=by,
            limit=SHOWN + 1,
            sort=request.GET.get("sort") or ("-name" if by == By.MONTH else ""),
        )
    )
    has_more, rows = len(rows) > SHOWN, rows[:SHOWN]
    weeks = summaries.trend(filters=filters)
    form = SummaryForm(request.GET)
    return render(
        request,
        "portal/reports/summary.html",
        {
            "form": form,
            "fields": [form[name] for name in _SHOWN_FIELDS],
            "by": by,
            "has_more": has_more,
            "rows": [(row, _name_of(row, by), _list_of(row, by, request.GET)) for row in rows],
            "total": summaries.total(filters=filters),
            "is_filtered": bool(filters.to_query()),
            "bars": share_bars([(_name_of(row, by), row.matched_ms) for row in rows[:_BARS]]),
            "most_bars": _BARS if len(rows) > _BARS else 0,
            "weeks": [
                {
                    "label": read_date(week.begins, "short"),
                    "begin": week.begins,
                    "end": week.begins + timedelta(days=6),
                    "new": week.new,
                    "decided": week.decided,
                }
                for week in weeks
            ],
        },
    )


@require_GET
@needs(Action.REPORT)
def summary_csv(request: PortalRequest) -> HttpResponseBase:
    """Stream all rows of the summary as CSV."""
    filters, by = _read_query(request.GET)
    return StreamingHttpResponse(
        summaries.stream_summary(filters=filters, by=by, user=request.user),
        content_type="text/csv; charset=utf-8",
        headers=attachment(f"summary-{by}.csv"),
    )


def _read_query(query: QueryDict) -> tuple[MatchFilter, By]:
    grouping = query.get("by")
    by = By(grouping) if grouping in By.values else By.RECORDING
    return MatchFilter.from_query(query), by


def _name_of(row: SummaryRow, by: By) -> str:
    """Return what a row is about, in words."""
    return read_release(row.name) if by == By.MONTH else row.name or nameless(by)


def _list_of(row: SummaryRow, by: By, query: QueryDict) -> str:
    """Return the URL of the matches behind a row; empty if no page lists them."""
    if by == By.RECORDING:
        return reverse("portal:recording_detail", args=[row.key])
    if not row.key:
        return ""
    narrowed = query.copy()
    for name in ("by", "sort"):
        narrowed.pop(name, None)
    if by == By.MONTH:
        _narrow_to_month(narrowed, row.key)
    else:
        narrowed[_FILTER_OF[by]] = row.key
    return f"{reverse('portal:match_list')}?{narrowed.urlencode()}"


def _narrow_to_month(query: QueryDict, month: str) -> None:
    """Narrow the days of a query to those that lie in the month too."""
    first = date.fromisoformat(f"{month}-01")
    last = first.replace(day=monthrange(first.year, first.month)[1])
    begin, end = query.get("found_from", ""), query.get("found_until", "")
    query["found_from"] = max(begin, str(first))
    query["found_until"] = min(end or str(last), str(last))
