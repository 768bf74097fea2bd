"""Views that preview, run and save match reports."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import ProtectedError
from django.http import QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from base.accounts.limits import costly
from base.accounts.roles import Action
from base.audit.models import Event
from reports import report_job, selectors, services
from reports.cells import Dialect, csv_pieces
from reports.choices import STREAMED
from reports.files import CONTENT_TYPES
from reports.layouts import Layout
from reports.models import ReportTemplate
from reports.models.run import name_of_download
from reports.presets import presets
from review.filters import MatchFilter
from web.portal.reports.forms import ReportForm, TemplateForm, pairs_of, query_of
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import ask_first
from web.portal.shared.downloads import attachment

PREVIEW_ROWS = 20
_PAST_RUNS = 20
# The columns of a preview, unless the user asks for all columns.
_COLUMNS_OF_PREVIEW = frozenset(
    {
        *("match_found", "review_state", "source_name", "title", "isrc"),
        *("match_score", "matched_ms", "first_start", "source_start", "source_end"),
        *("segment_state", "match_count", "source_coverage_pct", "unmatched_minutes"),
        "worst_queue_reason",
    }
)
# These fields are always visible; the others are behind "More filters".
_MAIN_FIELDS = ("container", "found_from", "found_until", "mode", "format", "separator")
_MORE_FIELDS = (
    *("q", "reason", "bucket", "relation", "edit", "band"),
    *("score_min", "score_max"),
    *("platform", "account", "programme", "label", "decided_from", "decided_until"),
    *("files_without", "byte_order_mark"),
)


@require_http_methods(["GET", "POST"])
@needs(Action.VIEW, to_post=Action.REPORT)
def reports(request: PortalRequest) -> HttpResponseBase:
    """Preview the first rows of the report; a POST runs it.

    The page asks for its past runs alone every few seconds.
    """
    if request.method == "POST":
        return _run(request)
    past = {
        "runs": selectors.runs_for(user=request.user)[:_PAST_RUNS],
        "kept_days": settings.ACRPORTAL_REPORT_DAYS,
    }
    if request.headers.get("HX-Target") == "runs":
        return render(request, "portal/reports/_runs.html", past)
    form = ReportForm(request.GET)
    layout = form.layout if form.is_valid() else Layout()
    chosen = report_job.chosen_by(layout)
    counts = selectors.count_rows(chosen=chosen, mode=layout.mode)
    newest = selectors.newest_event()
    zone = timezone.get_current_timezone_name()
    return render(
        request,
        "portal/reports/reports.html",
        {
            **past,
            "form": form,
            "main_fields": _MAIN_FIELDS,
            "more_fields": _MORE_FIELDS,
            "more_is_open": bool({*_MORE_FIELDS, "state"} & set(layout.filters)),
            "template_form": TemplateForm(),
            "fields": pairs_of(layout),
            "layout": layout,
            "counts": counts,
            "newest": newest,
            "preview": None if form.errors else _preview(layout, newest, request.GET),
            "all_columns": request.GET.get("show") == "all",
            "presets": [
                (preset, query_of(preset.layout_in(zone)), preset.period(zone))
                for preset in presets()
            ],
            "templates": [
                (
                    template,
                    query_of(Layout.of(template)),
                    not services.why_not_delete(template, request.user),
                )
                for template in ReportTemplate.objects.all()
            ],
        },
        status=422 if form.errors else 200,
    )


def _run(request: PortalRequest) -> HttpResponseBase:
    """Stream a text report now; queue other formats for the worker."""
    form = ReportForm(request.POST)
    if not form.is_valid():
        return redirect(f"{request.path}?{_query(request.POST)}")
    layout, name = form.layout, request.POST.get("name", "").strip()
    if layout.format in STREAMED:
        pieces = services.stream_report(layout=layout, user=request.user, name=name)
        return _download(pieces, layout, name)
    run = services.request_report(layout=layout, user=request.user, name=name)
    return redirect(run.url)


@require_POST
@needs(Action.REPORT)
def template_save(request: PortalRequest) -> HttpResponseBase:
    """Save the layout as a template; the person's own of that name is replaced."""
    form, named = ReportForm(request.POST), TemplateForm(request.POST)
    if not (form.is_valid() and named.is_valid()):
        messages.error(request, _("Give the template a name."))
        return redirect(f"{reverse('portal:reports')}?{_query(request.POST)}")
    try:
        template = services.save_template(
            name=named.cleaned_data["name"], layout=form.layout, user=request.user
        )
    except services.NameTaken as taken:
        messages.error(request, str(taken))
        return redirect(f"{reverse('portal:reports')}?{_query(request.POST)}")
    messages.success(request, _("Saved as the template “%(name)s”.") % {"name": template.name})
    return redirect(f"{reverse('portal:reports')}?{query_of(form.layout)}")


@require_http_methods(["GET", "POST"])
@needs(Action.REPORT)
def template_delete(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Delete a template after a confirmation, unless a schedule uses it; its runs stay."""
    template = get_object_or_404(ReportTemplate, uid=uid)
    if refusal := services.why_not_delete(template, request.user):
        raise PermissionDenied(refusal)
    if request.method != "POST":
        return ask_first(
            request,
            title=_("Delete the template “%(name)s”") % {"name": template.name},
            text=_("Reports that were made with it stay."),
            submit=_("Delete the template"),
            crumbs=[(_("Reports"), reverse("portal:reports"))],
        )
    try:
        services.delete_template(template=template, user=request.user)
    except ProtectedError:
        messages.error(
            request,
            _("A schedule uses “%(name)s”. End the schedule first.") % {"name": template.name},
        )
    else:
        messages.success(request, _("Template “%(name)s” deleted.") % {"name": template.name})
    return redirect("portal:reports")


def _query(posted: QueryDict) -> str:
    """Return the posted fields as a query string, without the CSRF token."""
    query = posted.copy()
    query.pop("csrfmiddlewaretoken", None)
    return query.urlencode()


@costly("POST")
@require_POST
@needs(Action.REPORT)
def match_export(request: PortalRequest) -> HttpResponseBase:
    """Stream the report of the filters in the query string.

    Invalid filters lead to the report page, which shows their errors.
    """
    form = ReportForm(request.GET)
    if not form.is_valid():
        return redirect(f"{reverse('portal:reports')}?{request.GET.urlencode()}")
    return _streamed(request, form.layout)


@costly("POST")
@require_POST
@needs(Action.REPORT)
def file_export(request: PortalRequest) -> HttpResponseBase:
    """Stream the match report of a list of files with the filters in the query string.

    Reports cannot filter by the status of a file, so files of every status are in it.
    """
    filters = MatchFilter.from_query(request.GET)
    narrowed = filters.only("container", "q")
    return _streamed(request, Layout(filters=narrowed.to_query()))


def _streamed(request: PortalRequest, layout: Layout) -> HttpResponseBase:
    if layout.format not in STREAMED:
        return redirect(f"{reverse('portal:reports')}?{query_of(layout)}")
    return _download(services.stream_report(layout=layout, user=request.user), layout)


def _download(pieces: Iterator[bytes], layout: Layout, name: str = "") -> StreamingHttpResponse:
    return StreamingHttpResponse(
        pieces,
        content_type=CONTENT_TYPES[layout.format],
        headers=attachment(name_of_download(name, layout.file_name)),
    )


def _preview(layout: Layout, newest: Event | None, query: QueryDict) -> dict[str, object]:
    """Return the header and first rows, parsed from the CSV that would be sent.

    Each cell is a pair of its column's name and its text. ``is_all`` says that no row
    follows them.
    """
    preview_columns = [field.name for field in layout.fields if field.name in _COLUMNS_OF_PREVIEW]
    if preview_columns and query.get("show") != "all":
        layout = replace(layout, columns=tuple(preview_columns))
    stored = selectors.rows(
        chosen=report_job.chosen_by(layout),
        mode=layout.mode,
        as_of=newest,
        # One more row than is shown tells whether others follow.
        limit=PREVIEW_ROWS + 1,
    )
    first = islice(layout.shaped(stored), PREVIEW_ROWS + 1)
    pieces = csv_pieces(first, layout.fields, Dialect(byte_order_mark=False))
    header, *rows = csv.reader(io.StringIO(b"".join(pieces).decode(), newline=""))
    return {
        "columns": list(header),
        "rows": [list(zip(header, row, strict=True)) for row in rows[:PREVIEW_ROWS]],
        "is_all": len(rows) <= PREVIEW_ROWS,
    }
