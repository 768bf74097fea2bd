"""Compares the results of two engines that scanned the same file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from catalogue.models import Recording, RecordingStatus
from scanning import selectors
from scanning.choices import COMBINED_ENGINES, DifferenceKind, EngineChoice, ScanStatus
from scanning.models import Detection, Scan, ScannedFile, Segment

# Engines place the same sound slightly differently; smaller shifts do not count.
SAME_PLACE_MS = 3_000
"""Engines that place a sound closer than this agree on its times."""

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """A disagreement between the engines about one interval of the file."""

    kind: DifferenceKind
    recording: Recording
    start_ms: int
    end_ms: int
    other: Recording | None = None

    @property
    def is_disagreement(self) -> bool:
        """Tell whether one engine must be wrong.

        A recording that only one engine has in its catalogue is no disagreement: the
        other engine could not have found it.
        """
        if self.kind == DifferenceKind.ONLY_ACRCLOUD:
            return self.recording.status != RecordingStatus.STUB
        return self.kind != DifferenceKind.ONLY_EMBEDDED

    def concerns(self, recording_id: int) -> bool:
        """Tell whether the difference involves this recording."""
        named = {self.recording.pk, self.other.pk if self.other else None}
        return recording_id in named


@dataclass(slots=True)
class EngineDetection:
    """Intervals in which one engine found one recording."""

    recording: Recording
    intervals: list[Interval] = field(default_factory=list)

    @property
    def whole(self) -> Interval:
        """Return the interval from the first start to the last end."""
        return min(start for start, _ in self.intervals), max(end for _, end in self.intervals)


def differences(file: ScannedFile) -> list[Difference] | None:
    """Return the engines' disagreements; None unless both have a result."""
    if file.engine not in COMBINED_ENGINES:
        return None
    scans = selectors.current_scans(file)
    done = [scan for scan in scans if scan.status == ScanStatus.SUCCEEDED]
    if len(done) < 2:
        return None
    by_engine = found_by_engine(file, done)
    ours, theirs = by_engine[EngineChoice.EMBEDDED], by_engine[EngineChoice.ACRCLOUD]
    rows = [
        *_times(ours, theirs),
        *_alone(ours, theirs, DifferenceKind.ONLY_EMBEDDED),
        *_alone(theirs, ours, DifferenceKind.ONLY_ACRCLOUD),
    ]
    return sorted(rows, key=lambda row: (row.start_ms, row.kind))


def found_by_engine(
    file: ScannedFile, scans: Sequence[Scan]
) -> dict[str, dict[int, EngineDetection]]:
    """Return detections by engine and recording, including those of late scans."""
    late = selectors.late_scans(file)
    return {
        scan.engine: found_in(
            [scan, *(late_scan for late_scan in late if late_scan.engine == scan.engine)],
            floor=file.container.score_floor,
        )
        for scan in scans
    }


def found_in(scans: Sequence[Scan], *, floor: Decimal) -> dict[int, EngineDetection]:
    """Group detections by recording, leaving out those below the container's floor."""
    detections = Detection.objects.filter(scan__in=scans).select_related("recording")
    by_recording: dict[int, EngineDetection] = {}
    for detection in detections.prefetch_related("segments"):
        segments: Iterable[Segment] = detection.segments.all()
        intervals = [(segment.start_ms, segment.end_ms) for segment in segments]
        below = detection.score is not None and detection.score < floor
        # Detections below the floor are suppressed, so they are no disagreement.
        if intervals and not below:
            entry = by_recording.setdefault(
                detection.recording_id, EngineDetection(detection.recording)
            )
            entry.intervals += intervals
    return by_recording


def _times(
    ours: Mapping[int, EngineDetection], theirs: Mapping[int, EngineDetection]
) -> Iterable[Difference]:
    """Yield recordings that both engines found, but at different times."""
    for key in sorted(ours.keys() & theirs.keys()):
        mine, theirs_whole = ours[key].whole, theirs[key].whole
        apart = max(abs(mine[0] - theirs_whole[0]), abs(mine[1] - theirs_whole[1]))
        if apart > SAME_PLACE_MS:
            yield Difference(DifferenceKind.TIMES, ours[key].recording, *theirs_whole)


def _alone(
    ours: Mapping[int, EngineDetection], theirs: Mapping[int, EngineDetection], kind: DifferenceKind
) -> Iterable[Difference]:
    """Yield recordings only one engine found, with the other's rival if it has one."""
    for key, alone in ours.items():
        if key in theirs:
            continue
        rival = next(
            (rival for rival in theirs.values() if overlap(alone.intervals, rival.intervals)), None
        )
        if rival is None:
            yield Difference(kind, alone.recording, *alone.whole)
        else:
            yield Difference(DifferenceKind.RIVAL, alone.recording, *alone.whole, rival.recording)


def overlap(first: Sequence[Interval], second: Sequence[Interval]) -> bool:
    """Tell whether the two overlap by more than half of the shorter."""
    shared = sum(
        max(0, min(a_end, b_end) - max(a_start, b_start))
        for a_start, a_end in first
        for b_start, b_end in second
    )
    shorter = min(sum(end - start for start, end in intervals) for intervals in (first, second))
    return 2 * shared > shorter
