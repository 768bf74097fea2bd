"""The progress of scans, read from their jobs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet
from django.utils.translation import gettext as _

from base.jobs.choices import OPEN_STATES, JobState, status_label
from base.jobs.models import Job
from base.jobs.selectors import jobs_of
from scanning.choices import ACTIVE_SCAN_STATUSES, ScanStage, ScanStatus
from scanning.cloud_jobs import CLOUD_SCAN
from scanning.jobs import SCAN
from scanning.models import Scan


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """How far a scan is: its stage in words, and the percentage."""

    stage: str
    percent: int


def progress_of(scans: Iterable[Scan]) -> dict[int, ScanProgress]:
    """Return how far scans are, by their keys."""
    rows = list(scans)
    jobs = jobs_of(SCAN, rows, OPEN_STATES) | jobs_of(CLOUD_SCAN, rows, OPEN_STATES)
    return {scan.pk: _progress(scan, jobs.get(scan.pk)) for scan in rows}


def _progress(scan: Scan, job: Job | None) -> ScanProgress:
    if scan.status not in ACTIVE_SCAN_STATUSES:
        return ScanProgress(scan.get_status_display(), 100)
    if job is not None and job.state == JobState.RUNNING and scan.status == ScanStatus.RUNNING:
        stage = ScanStage.SENDING if job.kind == CLOUD_SCAN.name else job.stage
        label = str(ScanStage(stage).label) if stage else scan.get_status_display()
        return ScanProgress(label, job.progress)
    is_put_off = job is not None and job.kind == SCAN.name and job.attempts > 0
    if scan.status == ScanStatus.QUEUED and is_put_off:
        return ScanProgress(_("Failed; will be tried again"), 0)
    if job is not None and scan.status == ScanStatus.RUNNING:
        # It was interrupted, and goes on from where its job came to.
        return ScanProgress(str(job.get_state_display()), job.progress)
    return ScanProgress(status_label(scan), 0)


def percent_of_running_scan() -> QuerySet[Job, Any]:
    """Return a subquery for files: how far the scan is that runs for each."""
    active = Scan.objects.filter(
        scanned_file=OuterRef(OuterRef("pk")), status__in=ACTIVE_SCAN_STATUSES
    )
    jobs = Job.objects.filter(
        kind__in=[SCAN.name, CLOUD_SCAN.name],
        subject__in=active.values("pk"),
        state=JobState.RUNNING,
    )
    return jobs.values("progress")[:1]
