"""Long work in one list."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.roles import Action
from catalogue.models import CatalogueImport, Recording
from dedup.models import CatalogueCheck
from operations.jobs import KIND_LABELS, Job, JobState, job_counts, jobs
from portal.access import PortalRequest, needs
from reports.models import EvidencePack, ReportRun
from scanning.models import Scan


@never_cache
@require_GET
@needs(Action.VIEW)
def job_list(request: PortalRequest) -> HttpResponseBase:
    """List what waits, runs, or failed; ``state`` and ``kind`` choose."""
    state = _state_of(request.GET.get("state", ""))
    kind = request.GET.get("kind", "")
    found = jobs(state=state, kind=kind if kind in KIND_LABELS else "")
    return render(
        request,
        "portal/jobs.html",
        {
            "jobs": [(job, _page_of(job)) for job in found],
            "state": state,
            "states": job_counts(),
            "kind": kind,
            "kinds": KIND_LABELS,
        },
    )


def _state_of(given: str) -> JobState:
    return JobState(given) if given in set(JobState) else JobState.RUNNING


def _page_of(job: Job) -> str:
    """Return where a job is cancelled or asked for again; empty where it has no page."""
    match job.subject:
        case Scan() as scan:
            return reverse("portal:file_detail", args=[scan.scanned_file.uid])
        case Recording() as recording:
            return reverse("portal:recording_detail", args=[recording.uid])
        case ReportRun() as run:
            return reverse("portal:report_run", args=[run.uid])
        case EvidencePack() as pack:
            return reverse("portal:match", args=[pack.match.uid])
        case CatalogueCheck():
            return reverse("portal:duplicates")
        case CatalogueImport() as run:
            return reverse("portal:import_detail", args=[run.uid])
        case _:
            return ""
