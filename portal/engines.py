"""What two engines say about one file, side by side: where they agree and where not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from catalogue.models import Recording
from scanning import selectors
from scanning.choices import (
    ACTIVE_SCAN_STATUSES,
    COMBINED_ENGINES,
    EngineChoice,
    ScanStatus,
)
from scanning.models import CloudJob, Detection, Scan, ScannedFile, Segment

# Two engines place the same sound a little differently.
_SAME_PLACE_MS = 3_000

Span = tuple[int, int]


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
class Difference:
    """One thing that the engines do not agree on."""

    text: str
    recording: Recording
    start_ms: int
    end_ms: int
    other: Recording | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that the page shows of the engines of one file."""

    rows: Sequence[EngineRow]
    agreed: int = 0
    differences: Sequence[Difference] = ()
    compared: bool = False


@dataclass(slots=True)
class _Found:
    """What one engine found of one recording."""

    recording: Recording
    spans: list[Span] = field(default_factory=list)

    @property
    def whole(self) -> Span:
        return min(start for start, _ in self.spans), max(end for _, end in self.spans)


def compare(file: ScannedFile) -> Comparison | None:
    """Return the comparison; None for a file that only the embedded engine scans."""
    scans = selectors.current_scans(file)
    engine = file.container.engine
    if engine == EngineChoice.EMBEDDED or not scans:
        return None
    found = {scan.engine: _found(scan) for scan in scans}
    jobs = {job.scan_id: job for job in CloudJob.objects.filter(scan__in=scans)}
    rows = [_row(scan, found[scan.engine], jobs.get(scan.pk)) for scan in scans]
    finished = [scan for scan in scans if scan.status == ScanStatus.SUCCEEDED]
    if engine not in COMBINED_ENGINES or len(finished) < 2:
        return Comparison(rows)
    ours, theirs = (
        found[name] for name in (EngineChoice.EMBEDDED, EngineChoice.ACRCLOUD)
    )
    differences = [*_times(ours, theirs), *_alone(ours, theirs, EngineChoice.EMBEDDED)]
    differences += _alone(theirs, ours, EngineChoice.ACRCLOUD)
    return Comparison(
        rows,
        agreed=len(ours.keys() & theirs.keys()),
        differences=sorted(differences, key=lambda one: (one.start_ms, one.text)),
        compared=True,
    )


def _row(scan: Scan, found: dict[int, _Found], job: CloudJob | None) -> EngineRow:
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


def _found(scan: Scan) -> dict[int, _Found]:
    """Return what a scan found at or above the floor of the container."""
    floor = scan.scanned_file.container.score_floor
    detections = Detection.objects.filter(scan=scan).select_related("recording")
    found: dict[int, _Found] = {}
    for detection in detections.prefetch_related("segments"):
        plays: Iterable[Segment] = detection.segments.all()
        spans = [(play.start_ms, play.end_ms) for play in plays]
        below = detection.score is not None and detection.score < floor
        if spans and not below:
            one = found.setdefault(detection.recording_id, _Found(detection.recording))
            one.spans += spans
    return found


def _times(ours: dict[int, _Found], theirs: dict[int, _Found]) -> Iterable[Difference]:
    """Yield recordings that both found, but at other places."""
    for key in sorted(ours.keys() & theirs.keys()):
        mine, other = ours[key].whole, theirs[key].whole
        apart = max(abs(mine[0] - other[0]), abs(mine[1] - other[1]))
        if apart > _SAME_PLACE_MS:
            yield Difference("times", ours[key].recording, *other)


def _alone(
    found: dict[int, _Found], others: dict[int, _Found], engine: EngineChoice
) -> Iterable[Difference]:
    """Yield what one engine alone found, with what the other heard at that place."""
    for key, one in found.items():
        if key in others:
            continue
        start, end = one.whole
        rival = next(
            (other for other in others.values() if _overlap(one.spans, other.spans)),
            None,
        )
        kind = "rival" if rival is not None else f"only_{engine}"
        other = rival.recording if rival is not None else None
        yield Difference(kind, one.recording, start, end, other)


def _overlap(some: Sequence[Span], others: Sequence[Span]) -> bool:
    """Tell whether more than half of the shorter lies under the other."""
    shared = sum(
        max(0, min(a_end, b_end) - max(a_start, b_start))
        for a_start, a_end in some
        for b_start, b_end in others
    )
    shorter = min(sum(end - start for start, end in spans) for spans in (some, others))
    return 2 * shared > shorter
