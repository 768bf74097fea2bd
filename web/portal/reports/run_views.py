"""Views of one report run, which can be written again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from base.accounts.roles import Action
from base.audit.standing import StatementKind
from reports import selectors, services
from reports.choices import UNFINISHED, Format, RunState
from reports.differing import MOST_ROWS, can_compare, differing_rows
from reports.files import CONTENT_TYPES, Check, as_json, check_run
from reports.layouts import Layout
from reports.manifest import csvw, manifest
from reports.models import ReportRun
from reports.rows import RowKind
from statements.selectors import last_of
from web.portal.reports.forms import WriteAgainForm, query_of
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import attachment

_FOUND = {
    RowKind.YES: gettext_lazy("With a match"),
    RowKind.NO: gettext_lazy("No match"),
    RowKind.PENDING: gettext_lazy("Unfinished"),
    RowKind.ERROR: gettext_lazy("Failed"),
}


def _run(request: PortalRequest, uid: str) -> ReportRun:
    return get_object_or_404(selectors.runs_for(user=request.user), uid=uid)


def _ready(request: PortalRequest, uid: str) -> ReportRun:
    ready = selectors.runs_for(user=request.user).filter(state=RunState.READY)
    return get_object_or_404(ready, uid=uid)


@require_safe
@needs(Action.VIEW)
def report_run(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show a run; the page updates itself until the run ends."""
    run = _run(request, uid)
    return _page(request, run)


@require_POST
@needs(Action.VIEW)
def run_check(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Read the stored files again and show whether they are unchanged."""
    run = _ready(request, uid)
    return _page(request, run, checks=check_run(run=run))


def _page(
    request: PortalRequest, run: ReportRun, checks: list[Check] | None = None
) -> HttpResponse:
    return render(
        request,
        "portal/reports/run.html",
        {
            "run": run,
            "query": query_of(Layout.of(run)),
            "manifest": manifest(run) if run.state == RunState.READY else None,
            "differing": differing_rows(run) if run.state == RunState.READY else None,
            "sent": last_of(StatementKind.REPORT, run.uid),
            "can_compare": can_compare(run),
            "most_rows": MOST_ROWS,
            "working": run.state in UNFINISHED,
            "found": [
                (label, run.counts["match_found"][kind])
                for kind, label in _FOUND.items()
                if run.counts.get("match_found", {}).get(kind)
            ],
            "checks": checks,
            "checks_fine": checks is not None and all(check.is_whole for check in checks),
            "again": WriteAgainForm(initial={"mode": run.mode, "format": run.format}),
            "is_csv": run.format == Format.CSV,
        },
    )


@require_safe
@needs(Action.VIEW)
def run_file(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the file as it was written."""
    run = _ready(request, uid)
    takes_it = request.method == "GET"
    return StreamingHttpResponse(
        services.download(run=run, user=request.user) if takes_it else (),
        content_type=CONTENT_TYPES[Format(run.format)],
        headers={**attachment(run.download_name), "Content-Length": str(run.size_bytes)},
    )


@require_safe
@needs(Action.VIEW)
def run_manifest(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the manifest."""
    run = _ready(request, uid)
    return _json(manifest(run), f"{run.download_name}.manifest.json")


@require_safe
@needs(Action.VIEW)
def run_csvw(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the CSVW metadata that describes the columns of a CSV file."""
    run = _ready(request, uid)
    return _json(csvw(run), f"{run.download_name}-metadata.json")


def _json(content: dict[str, object], name: str) -> HttpResponse:
    return HttpResponse(as_json(content), content_type="application/json", headers=attachment(name))


@require_POST
@needs(Action.REPORT)
def run_again(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Write the stored rows of a run again, in another layout."""
    run = get_object_or_404(selectors.runs_for(user=request.user).exclude(rows=""), uid=uid)
    form = WriteAgainForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose the format of the report."))
        return redirect(run.url)
    try:
        again = services.write_again(run=run, layout=form.layout_of(run), user=request.user)
    except services.ReportStopped as stopped:
        messages.error(request, str(stopped))
        return redirect(run.url)
    return redirect(again.url)


@require_POST
@needs(Action.REPORT)
def run_cancel(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Cancel a run."""
    run = _run(request, uid)
    services.cancel_run(run=run, user=request.user)
    return redirect(run.url)
