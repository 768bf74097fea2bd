"""What a scan of a file changed against the one before it by the same engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from catalogue.models import Recording
from review.models import Match
from review.services import figures, spans
from review.services.rescans import SAME_SPANS_SHARE
from scanning.choices import ScanStatus
from scanning.models import Detection, Scan


class Change(StrEnum):
    """What became of a recording from one scan to the next."""

    FOUND = "found"
    LOST = "lost"
    CHANGED = "changed"
    SAME = "same"


_ORDER = list(Change)


@dataclass(frozen=True, slots=True)
class Side:
    """What one of both scans says of a recording."""

    score: Decimal | None
    relation: str
    spans: Sequence[spans.Span]

    @property
    def first_start_ms(self) -> int:
        """Return where in the file it begins."""
        return min(start for start, _ in self.spans)

    @property
    def matched_ms(self) -> int:
        """Return how much of the file it covers, overlaps counted once."""
        return spans.length(self.spans)


@dataclass(frozen=True, slots=True)
class Row:
    """One recording in both scans; ``match`` is the live one, where there is one."""

    change: Change
    recording: Recording
    before: Side | None
    after: Side | None
    match: Match | None


@dataclass(frozen=True, slots=True)
class ScanDiff:
    """Both scans and every recording that either of them found."""

    scan: Scan
    previous: Scan
    rows: Sequence[Row]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many recordings were found, lost, changed and the same."""
        counted = Counter(row.change for row in self.rows)
        return {change.value: counted[change] for change in _ORDER}

    @property
    def differing(self) -> list[Row]:
        """Return the recordings that are not the same."""
        return [row for row in self.rows if row.change != Change.SAME]

    @property
    def same(self) -> list[Row]:
        """Return the recordings that are."""
        return [row for row in self.rows if row.change == Change.SAME]


def previous_scan(scan: Scan) -> Scan | None:
    """Return the scan of the same file by the same engine that ended well before."""
    earlier = Scan.objects.filter(
        scanned_file_id=scan.scanned_file_id,
        engine=scan.engine,
        status=ScanStatus.SUCCEEDED,
        pk__lt=scan.pk,
    )
    return earlier.order_by("-pk").first()


def compare(scan: Scan) -> ScanDiff | None:
    """Return what the scan changed; None where nothing was scanned before."""
    previous = previous_scan(scan)
    if previous is None or scan.status != ScanStatus.SUCCEEDED:
        return None
    before, after = _sides(previous), _sides(scan)
    live = {
        match.recording_id: match
        for match in Match.objects.filter(
            scanned_file_id=scan.scanned_file_id, superseded_by__isnull=True
        ).order_by("pk")
    }
    recordings = Recording.objects.in_bulk([*before, *after])
    rows = [
        _row(recordings[key], before.get(key), after.get(key), live)
        for key in recordings
    ]
    rows.sort(key=lambda row: (_ORDER.index(row.change), _start(row)))
    return ScanDiff(scan, previous, rows)


def _row(
    recording: Recording,
    before: Side | None,
    after: Side | None,
    live: Mapping[int, Match],
) -> Row:
    if before is None or after is None:
        change = Change.FOUND if before is None else Change.LOST
    else:
        same = spans.overlap_share(before.spans, after.spans) >= SAME_SPANS_SHARE
        related = before.relation == after.relation
        change = Change.SAME if same and related else Change.CHANGED
    return Row(change, recording, before, after, live.get(recording.pk))


def _start(row: Row) -> int:
    side = row.after or row.before
    return side.first_start_ms if side else 0


def _sides(scan: Scan) -> dict[int, Side]:
    """Return what a scan found by the recording's key."""
    found: dict[int, list[Detection]] = {}
    for detection in scan.detections.prefetch_related("segments"):
        found.setdefault(detection.recording_id, []).append(detection)
    relations = dict(
        Match.objects.filter(scan=scan).values_list("recording_id", "relation")
    )
    sides = {}
    for key, detections in found.items():
        stretches = [
            figures.source_span(segment)
            for detection in detections
            for segment in detection.segments.all()
        ]
        if stretches:
            scores = [each.score for each in detections if each.score is not None]
            sides[key] = Side(
                score=max(scores, default=None),
                relation=relations.get(key, ""),
                spans=stretches,
            )
    return sides
