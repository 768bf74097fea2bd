"""The results of two engines for one file, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from jobs.choices import JobState
from jobs.models import Job
from jobs.selectors import jobs_of
from portal.files.other_sections import OtherSection, other_sections
from scanning import selectors
from scanning.choices import ACTIVE_SCAN_STATUSES, EngineChoice, ScanStatus
from scanning.cloud.jobs import CLOUD_SCAN
from scanning.comparison import (
    Difference,
    EngineDetection,
    differences,
    found_by_engine,
)
from scanning.models import CloudJob, Scan, ScannedFile
from scanning.progress import ScanProgress, progress_of


@dataclass(frozen=True, slots=True)
class EngineRow:
    """One engine: the state of its scan and the number of its recordings."""

    label: str
    scan: Scan
    state: str
    recordings: int
    said: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The engines of one file as its page shows them; ``agreed`` counts recordings."""

    rows: Sequence[EngineRow]
    agreed: int = 0
    differences: Sequence[Difference] = ()
    compared: bool = False
    others: Sequence[OtherSection] = ()


def compare(file: ScannedFile) -> Comparison | None:
    """Return the comparison; None without scans or if only the embedded engine scans."""
    scans = selectors.current_scans(file)
    engine = file.container.engine
    if engine == EngineChoice.EMBEDDED or not scans:
        return None
    detections = found_by_engine(file, scans)
    jobs = {job.scan_id: job for job in CloudJob.objects.filter(scan__in=scans)}
    progress = progress_of(scans)
    waiting = jobs_of(CLOUD_SCAN, scans, [JobState.WAITING])
    rows = [
        _row(
            scan,
            detections[scan.engine],
            progress[scan.pk],
            job=jobs.get(scan.pk),
            waiting=waiting.get(scan.pk),
        )
        for scan in scans
    ]
    others = [section for scan in scans for section in other_sections(scan)]
    disagreements = differences(file)
    if disagreements is None:
        return Comparison(rows, others=others)
    ours, theirs = (set(recordings) for recordings in detections.values())
    return Comparison(
        rows, len(ours & theirs), disagreements, compared=True, others=others
    )


def _row(
    scan: Scan,
    found: dict[int, EngineDetection],
    progress: ScanProgress,
    *,
    job: CloudJob | None,
    waiting: Job | None,
) -> EngineRow:
    active = scan.status in ACTIVE_SCAN_STATUSES
    state = progress.stage
    if active and job is not None and scan.status == ScanStatus.QUEUED:
        state = _("Waiting to be sent")
    return EngineRow(
        label=scan.get_engine_display(),
        scan=scan,
        state=state,
        recordings=len(found),
        said=(job.said if job is not None and active else "") or scan.message,
        due_at=waiting.run_after if waiting is not None else None,
    )
