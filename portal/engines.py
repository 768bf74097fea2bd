"""What two engines say about one file, side by side: where they agree and where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.other_sections import OtherSection, other_sections
from scanning import selectors
from scanning.choices import ACTIVE_SCAN_STATUSES, EngineChoice, ScanStatus
from scanning.comparison import Difference, Found, differences, found_by
from scanning.models import CloudJob, Scan, ScannedFile


@dataclass(frozen=True, slots=True)
class EngineRow:
    """One engine: how far it is and what it found."""

    label: str
    scan: Scan
    state: str
    recordings: int
    said: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that the page shows of the engines of one file."""

    rows: Sequence[EngineRow]
    agreed: int = 0
    differences: Sequence[Difference] = ()
    compared: bool = False
    others: Sequence[OtherSection] = ()


def compare(file: ScannedFile) -> Comparison | None:
    """Return the comparison; None for a file that only the embedded engine scans."""
    scans = selectors.current_scans(file)
    engine = file.container.engine
    if engine == EngineChoice.EMBEDDED or not scans:
        return None
    found = {scan.engine: found_by(scan) for scan in scans}
    jobs = {job.scan_id: job for job in CloudJob.objects.filter(scan__in=scans)}
    rows = [_row(scan, found[scan.engine], jobs.get(scan.pk)) for scan in scans]
    others = [section for scan in scans for section in other_sections(scan)]
    told = differences(file)
    if told is None:
        return Comparison(rows, others=others)
    ours, theirs = (set(one) for one in found.values())
    return Comparison(rows, len(ours & theirs), told, compared=True, others=others)


def _row(scan: Scan, found: dict[int, Found], job: CloudJob | None) -> EngineRow:
    active = scan.status in ACTIVE_SCAN_STATUSES
    state = scan.get_stage_display() if active else scan.get_status_display()
    if active and job is not None and scan.status == ScanStatus.QUEUED:
        state = "Waiting to be sent"
    return EngineRow(
        label=scan.get_engine_display(),
        scan=scan,
        state=state,
        recordings=len(found),
        said=(job.said if job is not None and active else "") or scan.message,
        due_at=job.due_at if job is not None and active else None,
    )
