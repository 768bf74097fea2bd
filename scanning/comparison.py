"""Where two engines that scanned one file do not agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalogue.models import Recording, RecordingStatus
from scanning import selectors
from scanning.choices import COMBINED_ENGINES, DifferenceKind, EngineChoice, ScanStatus
from scanning.models import Detection, Scan, ScannedFile, Segment

# Two engines place the same sound a little differently.
_SAME_PLACE_MS = 3_000

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the engines do not agree on, at a place of the file."""

    kind: DifferenceKind
    recording: Recording
    start_ms: int
    end_ms: int
    other: Recording | None = None

    @property
    def is_disagreement(self) -> bool:
        """Tell whether one engine has to be wrong.

        A recording that the cloud does not know, or that is not in this catalogue, is
        found by the other alone without either being wrong.
        """
        if self.kind == DifferenceKind.ONLY_ACRCLOUD:
            return self.recording.status != RecordingStatus.STUB
        return self.kind != DifferenceKind.ONLY_EMBEDDED

    def concerns(self, recording_id: int) -> bool:
        """Tell whether a recording is one of those that are told apart."""
        named = {self.recording.pk, self.other.pk if self.other else None}
        return recording_id in named


@dataclass(slots=True)
class Found:
    """What one engine found of one recording."""

    recording: Recording
    spans: list[Span] = field(default_factory=list)

    @property
    def whole(self) -> Span:
        """Return from its first start to its last end."""
        return min(start for start, _ in self.spans), max(end for _, end in self.spans)


def differences(file: ScannedFile) -> list[Difference] | None:
    """Return what the engines of a file differ on; None unless both gave a result."""
    if file.container.engine not in COMBINED_ENGINES:
        return None
    scans = selectors.current_scans(file)
    done = [scan for scan in scans if scan.status == ScanStatus.SUCCEEDED]
    if len(done) < 2:
        return None
    found = {scan.engine: found_by(scan) for scan in done}
    ours, theirs = found[EngineChoice.EMBEDDED], found[EngineChoice.ACRCLOUD]
    told = [
        *_times(ours, theirs),
        *_alone(ours, theirs, DifferenceKind.ONLY_EMBEDDED),
        *_alone(theirs, ours, DifferenceKind.ONLY_ACRCLOUD),
    ]
    return sorted(told, key=lambda one: (one.start_ms, one.kind))


def found_by(scan: Scan) -> dict[int, Found]:
    """Return what a scan found at or above the floor of the container."""
    floor = scan.scanned_file.container.score_floor
    detections = Detection.objects.filter(scan=scan).select_related("recording")
    found: dict[int, Found] = {}
    for detection in detections.prefetch_related("segments"):
        plays: Iterable[Segment] = detection.segments.all()
        spans = [(play.start_ms, play.end_ms) for play in plays]
        below = detection.score is not None and detection.score < floor
        if spans and not below:
            one = found.setdefault(detection.recording_id, Found(detection.recording))
            one.spans += spans
    return found


def _times(
    ours: Mapping[int, Found], theirs: Mapping[int, Found]
) -> Iterable[Difference]:
    """Yield recordings that both found, but at other places."""
    for key in sorted(ours.keys() & theirs.keys()):
        mine, other = ours[key].whole, theirs[key].whole
        apart = max(abs(mine[0] - other[0]), abs(mine[1] - other[1]))
        if apart > _SAME_PLACE_MS:
            yield Difference(DifferenceKind.TIMES, ours[key].recording, *other)


def _alone(
    found: Mapping[int, Found], others: Mapping[int, Found], kind: DifferenceKind
) -> Iterable[Difference]:
    """Yield what one engine alone found, with what the other heard at that place."""
    for key, one in found.items():
        if key in others:
            continue
        rival = next(
            (other for other in others.values() if _overlap(one.spans, other.spans)),
            None,
        )
        if rival is None:
            yield Difference(kind, one.recording, *one.whole)
        else:
            yield Difference(
                DifferenceKind.RIVAL, one.recording, *one.whole, rival.recording
            )


def _overlap(some: Sequence[Span], others: Sequence[Span]) -> bool:
    """Tell whether more than half of the shorter lies under the other."""
    shared = sum(
        max(0, min(a_end, b_end) - max(a_start, b_start))
        for a_start, a_end in some
        for b_start, b_end in others
    )
    shorter = min(sum(end - start for start, end in spans) for spans in (some, others))
    return 2 * shared > shorter
