"""Compares a scan of a file with the previous one by the same engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from catalogue.models import Recording
from catalogue.selectors import excluded_intervals_of, standing_for
from review import intervals
from review.counting import source_interval
from review.figures import excluded_of, relation_of
from review.models import Match
from review.services.evaluation import SAME_INTERVALS_SHARE
from scanning.choices import ScanStatus
from scanning.models import Detection, Scan


class ScanChange(StrEnum):
    """How a detection differs between two scans."""

    FOUND = "found"
    LOST = "lost"
    CHANGED = "changed"
    SAME = "same"


_ORDER = list(ScanChange)


@dataclass(frozen=True, slots=True)
class ScanSide:
    """One scan's result for a recording."""

    score: Decimal | None
    relation: str
    intervals: Sequence[intervals.Interval]

    @property
    def first_start_ms(self) -> int:
        """Return where the first segment starts in the file."""
        return min(start for start, _ in self.intervals)

    @property
    def matched_ms(self) -> int:
        """Return the matched time in the file; overlaps count once."""
        return intervals.length(self.intervals)


@dataclass(frozen=True, slots=True)
class ScanDiffRow:
    """One recording in both scans, with its match if there is one."""

    change: ScanChange
    recording: Recording
    before: ScanSide | None
    after: ScanSide | None
    match: Match | None


@dataclass(frozen=True, slots=True)
class ScanDiff:
    """Two scans and every recording that either of them found."""

    scan: Scan
    previous: Scan
    rows: Sequence[ScanDiffRow]

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of recordings per kind of change."""
        counted = Counter(row.change for row in self.rows)
        return {change.value: counted[change] for change in _ORDER}

    @property
    def differing(self) -> list[ScanDiffRow]:
        """Return the recordings that changed."""
        return [row for row in self.rows if row.change != ScanChange.SAME]

    @property
    def same(self) -> list[ScanDiffRow]:
        """Return the recordings that did not change."""
        return [row for row in self.rows if row.change == ScanChange.SAME]


def previous_scan(scan: Scan) -> Scan | None:
    """Return the last successful scan of the file by the same engine before this one."""
    earlier = Scan.objects.full().filter(
        scanned_file_id=scan.scanned_file_id,
        engine=scan.engine,
        status=ScanStatus.SUCCEEDED,
        pk__lt=scan.pk,
    )
    return earlier.order_by("-pk").first()


def compare(scan: Scan) -> ScanDiff | None:
    """Compare a scan with the previous one; None if there is none."""
    previous = previous_scan(scan)
    if previous is None or scan.status != ScanStatus.SUCCEEDED:
        return None
    between = Scan.objects.filter(
        scanned_file_id=scan.scanned_file_id,
        engine=scan.engine,
        retro_search__isnull=False,
        pk__gt=previous.pk,
        pk__lt=scan.pk,
    )
    # Late scans found their recordings before the rescan did, so count them as before.
    earlier, after = [previous, *between.order_by("pk")], _sides([scan], {})
    detected = Recording.objects.filter(detections__scan__in=earlier).distinct()
    # A recording that was merged since counts as the one that stays, if this scan found
    # that one.
    merged = {key: stays for key, stays in standing_for(detected).items() if stays in after}
    before = _sides(earlier, merged)
    matches = {
        match.recording_id: match
        for match in Match.objects.filter(scanned_file_id=scan.scanned_file_id)
    }
    recordings = Recording.objects.in_bulk([*before, *after])
    rows = [_row(recordings[key], before.get(key), after.get(key), matches) for key in recordings]
    rows.sort(key=lambda row: (_ORDER.index(row.change), _start(row)))
    return ScanDiff(scan, previous, rows)


def _row(
    recording: Recording,
    before: ScanSide | None,
    after: ScanSide | None,
    matches: Mapping[int, Match],
) -> ScanDiffRow:
    if before is None or after is None:
        change = ScanChange.FOUND if before is None else ScanChange.LOST
    else:
        # The same rule decides whether a decision carries over.
        same = intervals.overlap_share(before.intervals, after.intervals) >= SAME_INTERVALS_SHARE
        related = before.relation == after.relation
        change = ScanChange.SAME if same and related else ScanChange.CHANGED
    return ScanDiffRow(change, recording, before, after, matches.get(recording.pk))


def _start(row: ScanDiffRow) -> int:
    side = row.after or row.before
    return side.first_start_ms if side else 0


def _sides(scans: Sequence[Scan], merged: Mapping[int, int]) -> dict[int, ScanSide]:
    """Return the scans' results by recording; ``merged`` says which stays instead."""
    by_recording: dict[int, list[Detection]] = {}
    rows = Detection.objects.filter(scan__in=scans).prefetch_related("segments")
    for detection in rows:
        key = merged.get(detection.recording_id, detection.recording_id)
        by_recording.setdefault(key, []).append(detection)
    file = scans[0].scanned_file
    recordings = Recording.objects.in_bulk(by_recording)
    excluded = excluded_intervals_of(
        {detection.recording_id for rows in by_recording.values() for detection in rows}
    )
    sides = {}
    for key, detections in by_recording.items():
        segments = [segment for detection in detections for segment in detection.segments.all()]
        if segments:
            scores = [detection.score for detection in detections if detection.score is not None]
            sides[key] = ScanSide(
                score=max(scores, default=None),
                # Computed anew, because the match has the relation of its latest scan.
                relation=relation_of(
                    detections,
                    segments,
                    excluded_of(detections, excluded),
                    file.length_ms,
                    recordings[key].duration_ms,
                ),
                intervals=[source_interval(segment) for segment in segments],
            )
    return sides
