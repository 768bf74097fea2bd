"""Which plays belong to which hour, so that none is counted twice and none is lost.

An hour is scanned with two minutes around it. It claims every play that begins before its
end; the next hour keeps what lies on no claimed alignment. Hours are scanned in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import base.jobs.clock
from base.common.storage import read_bytes
from base.jobs.errors import WaitsUntil
from plugins.monitoring.streams.choices import AirplayState
from plugins.monitoring.streams.hour_layout import FileClock, file_clock, pieces_of
from plugins.monitoring.streams.models import Airplay, StreamHour
from recognition.errors import BadFingerprint, MissingLayer
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.joined import GRID_MS, join
from recognition.speech_track import SpeechTrack
from recognition.types import Fingerprint
from reports.plays import ALIGNED_MS
from review.counting import uses_of
from scanning.choices import ACTIVE_SCAN_STATUSES, NoMatchReason, SourceType
from scanning.engines.base import EngineResult, FoundRecording, FoundSegment
from scanning.models import Scan, ScannedFile

_AROUND: Final = timedelta(seconds=120)
_LOOK_AGAIN: Final = timedelta(seconds=5)
# Shorter pauses between pieces are the clock's own uncertainty.
_LEAST_GAP_MS: Final = 500
_LEAST_UNMATCHED_MS: Final = 1000


def surroundings_of(file: ScannedFile) -> HourAround | None:
    """Return the surroundings of the hour of a stream; None for other files."""
    if file.source_type != SourceType.STREAM:
        return None
    hour = StreamHour.objects.filter(scanned_file=file).first()
    return None if hour is None else HourAround(hour, file)


@dataclass(slots=True)
class HourAround:
    """An hour of a stream for one scan, with the landmarks around it."""

    hour: StreamHour
    file: ScannedFile
    _offset_ms: int = 0
    _core_ms: int = field(default=0)

    def widen(self, query: Fingerprint) -> Fingerprint:
        """Return the hour's fingerprint with two minutes on either side."""
        self._wait_for_the_hour_before()
        self._core_ms = query.duration_ms
        before, after = _surroundings(self.hour.before), _surroundings(self.hour.after)
        self._offset_ms = before.duration_ms if before is not None else 0
        end = self._offset_ms + -(-self._core_ms // GRID_MS) * GRID_MS
        pieces = [(query, self._offset_ms)]
        if before is not None:
            pieces.insert(0, (before, 0))
        if after is not None:
            pieces.append((after, end))
            end += after.duration_ms
        return join(pieces, end if after is not None else self._offset_ms + self._core_ms)

    def trim(self, result: EngineResult) -> EngineResult:
        """Return the plays of this hour, in times of its file.

        The file is as long as the hour, or as its last play.
        """
        self.file.length_ms = self._core_ms
        ScannedFile.objects.filter(pk=self.file.pk).update(length_ms=self._core_ms)
        recordings = self.own(result.found)
        reason = result.no_match_reason
        if not recordings:
            reason = reason or NoMatchReason.CLEAN_SCAN
        return replace(
            result,
            found=recordings,
            unmatched=tuple(self._unmatched(result.unmatched)),
            speech=result.speech and self.trim_speech(result.speech),
            no_match_reason=reason,
        )

    def trim_speech(self, track: SpeechTrack) -> SpeechTrack:
        """Return the part of the track that belongs to the hour.

        With the sound after it, also the hour's last seconds are judged for good.
        """
        return track.part(self._offset_ms, self._core_ms)

    def own(self, recordings: Sequence[FoundRecording]) -> tuple[FoundRecording, ...]:
        """Return the plays of this hour among those found, in times of its file.

        A play that goes on beyond the hour stays whole; folding lengthens the file.
        """
        # The plays near the hour that other hours have claimed.
        rows = Airplay.objects.filter(
            stream=self.hour.stream_id,
            state=AirplayState.SETTLED,
            segment__isnull=False,
            starts_at__lt=self.hour.ends_at + _AROUND,
            ends_at__gt=self.hour.starts_at - _AROUND,
        ).exclude(segment__detection__scan__scanned_file=self.hour.scanned_file_id)
        claims = list(rows.select_related("run"))
        clock = file_clock(self.hour)
        return tuple(
            entry
            for recording in recordings
            if (entry := self._own(recording, claims, clock)) is not None
        )

    def _wait_for_the_hour_before(self) -> None:
        before = StreamHour.objects.filter(
            stream=self.hour.stream_id, ends_at__lte=self.hour.starts_at
        ).order_by("-ends_at")
        active = Scan.objects.filter(
            scanned_file__stream_hour__in=before[:1],
            scanned_file__deleted_at__isnull=True,
            status__in=ACTIVE_SCAN_STATUSES,
        )
        if active.exists():
            raise WaitsUntil(
                base.jobs.clock.now() + _LOOK_AGAIN, "The hour before is scanned first."
            )

    def _own(
        self, entry: FoundRecording, claims: Sequence[Airplay], clock: FileClock
    ) -> FoundRecording | None:
        segments: list[FoundSegment] = []
        wide_segments = sorted(entry.segments, key=lambda segment: segment.start_ms)
        for use in uses_of([moved(segment, -self._offset_ms) for segment in wide_segments]):
            end_ms = use[-1].end_ms
            if use[0].start_ms >= self._core_ms or end_ms <= 0:
                continue
            claim = _claim_on(use, entry.recording_id, claims, clock)
            if claim is not None:
                # The play that the other hour claimed goes on here.
                end = clock.at(end_ms)
                rows = Airplay.objects.filter(pk=claim.pk, ends_at__lt=end)
                added = round((end - claim.ends_at) / timedelta(milliseconds=1))
                rows.update(ends_at=end, end_ms=claim.end_ms + max(0, added))
                continue
            segments += [begun_at_zero(segment) for segment in use if segment.end_ms > 0]
        if not segments:
            return None
        scores = [segment.score for segment in segments if segment.score is not None]
        return replace(entry, segments=tuple(segments), score=max(scores, default=entry.score))

    def _unmatched(self, intervals: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:  # Any: JSON
        """Return the unmatched intervals of the hour, without those that had no sound."""
        holes = self._holes()
        unmatched = []
        for interval in intervals:
            start = max(0, interval["start_ms"] - self._offset_ms)
            end = min(self._core_ms, interval["end_ms"] - self._offset_ms)
            for begin, stop in _without(start, end, holes):
                if stop - begin >= _LEAST_UNMATCHED_MS or (begin, stop) == (start, end):
                    unmatched.append(self._place_interval(interval, begin, stop))
        unmatched += [
            {"start_ms": start, "end_ms": end, "kind": "not_scanned"} for start, end in holes
        ]
        return sorted(unmatched, key=lambda interval: interval["start_ms"])

    def _place_interval(
        self, interval: dict[str, Any], start: int, end: int
    ) -> dict[str, Any]:  # Any: JSON
        placed = {**interval, "start_ms": start, "end_ms": end}
        candidate = placed.pop("candidate", None)
        if candidate is not None:
            first, last = (
                candidate["start_ms"] - self._offset_ms,
                candidate["end_ms"] - self._offset_ms,
            )
            if first >= start and last <= end:
                placed["candidate"] = {**candidate, "start_ms": first, "end_ms": last}
        return placed

    def _holes(self) -> list[tuple[int, int]]:
        """Return the intervals of the file without recorded sound."""
        holes, at = [], 0
        for piece in pieces_of(self.hour):
            holes.append((at, piece.at_ms))
            at = piece.at_ms + piece.length_ms
        holes.append((at, self._core_ms))
        return [(start, end) for start, end in holes if end - start >= _LEAST_GAP_MS]


def alignment_ms(segment: FoundSegment) -> float:
    """Return where the recording's first sample lies, on the segment's line."""
    tempo = float(segment.tempo_ratio or 1)
    return segment.start_ms - segment.reference_start_ms / tempo


def moved(segment: FoundSegment, by_ms: int) -> FoundSegment:
    """Return a segment at other times of its file."""
    return replace(segment, start_ms=segment.start_ms + by_ms, end_ms=segment.end_ms + by_ms)


def begun_at_zero(segment: FoundSegment) -> FoundSegment:
    """Return a segment without what lies before the file."""
    if segment.start_ms >= 0:
        return segment
    passed = round(-segment.start_ms * float(segment.tempo_ratio or Decimal(1)))
    return replace(segment, start_ms=0, reference_start_ms=segment.reference_start_ms + passed)


def _surroundings(field: Any) -> Fingerprint | None:  # Any: Django's field file
    if not field:
        return None
    try:
        landmarks = fingerprint.from_bytes(read_bytes(field))
        fingerprint.scan_layer(landmarks)
    except (BadFingerprint, MissingLayer, OSError):
        # Without its surroundings an hour is scanned as any file is.
        return None
    return landmarks


def _claim_on(
    use: Sequence[FoundSegment], recording_id: int, claims: Sequence[Airplay], clock: FileClock
) -> Airplay | None:
    # Where the tempo drifts, a play soon leaves the alignment on which it began.
    drifts = len(use) > 1
    for claim in claims:
        if claim.recording_id == recording_id and any(
            is_same_play(claim, segment, clock, by_overlap=drifts) for segment in use
        ):
            return claim
    return None


def is_same_play(
    airplay: Airplay, segment: FoundSegment, clock: FileClock, *, by_overlap: bool
) -> bool:
    """Tell whether a segment lies on a play's alignment, or its recording's loop.

    They lie on one alignment if the play, continued along its own line, meets the
    segment at its start. ``by_overlap`` also takes two estimates for one play if they
    cover each other for more than half of the shorter one.
    """
    run, start_ms = clock.run_at(segment.start_ms)
    if run.pk == airplay.run_id:
        at: float = start_ms
    else:
        at = airplay.start_ms + (clock.at(segment.start_ms) - airplay.starts_at) / timedelta(
            milliseconds=1
        )
    expected = (at - airplay.offset_ms) * airplay.tempo_ratio
    if abs(expected - segment.reference_start_ms) <= ALIGNED_MS:
        return True
    if not by_overlap:
        return False
    start = clock.at(segment.start_ms)
    end = clock.at(segment.end_ms)
    both = min(airplay.ends_at, end) - max(airplay.starts_at, start)
    shorter = min(airplay.ends_at - airplay.starts_at, end - start)
    return both > shorter / 2


def _without(start: int, end: int, holes: Sequence[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    for first, last in holes:
        if last <= start or first >= end:
            continue
        if first > start:
            yield start, first
        start = max(start, last)
    if start < end:
        yield start, end
