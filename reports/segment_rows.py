"""The segments in reports: ``match-segment/4``, one row per segment with its match."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from catalogue.models import TITLE_COLUMNS, Exclusion
from reports.cells import Cell, Value, ValueType, as_cell
from reports.choices import Mode
from reports.extras import columns_after
from reports.rows import TYPED_COLUMNS, Case, Column, RivalRecording, interval_texts, with_extras
from review.counting import CountedSegment, reference_interval
from review.edits import edit_of
from scanning.engines.base import most_bits
from scanning.models import Detection, Segment

SCHEMA = "match-segment/4"
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class ReportSegment:
    """One counted segment of a case, with the exclusion that overlaps it most."""

    counted: CountedSegment
    exclusion: Exclusion | None

    @property
    def segment(self) -> Segment:
        """Return the segment as the engine found it."""
        return self.counted.segment


def parts_of(case: Case) -> list[ReportSegment]:
    """Return the counted segments in source order."""
    return [
        ReportSegment(counted, _exclusion_in(counted.segment, case.exclusions))
        for counted in case.count.segments
    ]


def _exclusion_in(segment: Segment, exclusions: Sequence[Exclusion]) -> Exclusion | None:
    """Return the exclusion that overlaps the segment most, if any."""
    begins, ends = reference_interval(segment)
    shared = [
        (min(exclusion.end_ms, ends) - max(exclusion.start_ms, begins), exclusion)
        for exclusion in exclusions
    ]
    most = max(shared, key=lambda pair: pair[0], default=None)
    return most[1] if most is not None and most[0] > 0 else None


def _speed_pct(part: ReportSegment) -> Value:
    ratio = part.segment.tempo_ratio
    return None if ratio is None else ((ratio - 1) * 100).quantize(_CENT)


def _pitch_cents(part: ReportSegment) -> Value:
    cents = part.segment.pitch_cents
    return None if cents is None else round(cents)


def _under_speech(part: ReportSegment) -> Value:
    share = part.segment.speech
    return None if share is None else share.is_over


_E, _I, _D, _O, _B, _T, _L = (
    ValueType.ENUM,
    ValueType.INTEGER,
    ValueType.DECIMAL,
    ValueType.OFFSET,
    ValueType.YES_NO,
    ValueType.TEXT,
    ValueType.LIST,
)
PART_COLUMNS: tuple[Column[ReportSegment], ...] = (
    Column("segment_index", _I, lambda part: part.counted.number),
    Column("source_start", _O, lambda part: part.segment.start_ms),
    Column("source_end", _O, lambda part: part.segment.end_ms),
    Column("reference_start", _O, lambda part: part.segment.reference_start_ms),
    Column("reference_end", _O, lambda part: part.segment.reference_end_ms),
    Column("length_ms", _I, lambda part: part.counted.length_ms),
    Column("segment_score", _D, lambda part: part.segment.score),
    Column("speed_pct", _D, _speed_pct),
    Column("pitch_cents", _I, _pitch_cents),
    Column("under_speech", _B, _under_speech),
    Column("segment_state", _E, lambda part: part.counted.state.value),
    Column("exclusion_id", _T, lambda part: None if part.exclusion is None else part.exclusion.uid),
    Column("counted_ms", _I, lambda part: part.counted.counted_ms),
    Column("counted_parts", _L, lambda part: interval_texts(part.counted.parts)),
    Column("edit", _E, lambda part: edit_of(part.segment.tempo_ratio, part.segment.pitch_cents)),
    # Empty for the file's main sound track.
    Column("sound_track", _I, lambda part: part.segment.track),
    Column("heard_from_hz", _I, lambda part: part.segment.low_hz),
    Column("heard_to_hz", _I, lambda part: part.segment.high_hz),
)


@cache
def segment_names() -> tuple[str, ...]:
    """Return all columns in fixed order; those that no segment has come from the match."""
    return (
        "report_schema",
        "match_id",
        "match_found",
        "review_state",
        "source_name",
        "source_external_id",
        "source_sha256",
        "recording_id",
        "custom_id",
        "title",
        "artists",
        "isrc",
        "match_relation",
        "segment_index",
        "source_start",
        "source_end",
        "reference_start",
        "reference_end",
        "length_ms",
        "segment_score",
        "score_scale",
        "speed_pct",
        "pitch_cents",
        "under_speech",
        "segment_state",
        "exclusion_id",
        "engine",
        "engine_version",
        "scan_id",
        "case_url",
        "counted_ms",
        "counted_parts",
        "edit",
        "sound_track",
        *(column.name for column in with_extras(TYPED_COLUMNS, Mode.SEGMENT)),
        *("use", "origin"),
        *(column.name for column in columns_after("origin", Mode.SEGMENT)),
        "source_territories",
        *("heard_from_hz", "heard_to_hz"),
        "lost",
    )


def part_cells(part: ReportSegment) -> list[Cell]:
    """Return the cells of a segment's own columns."""
    return [as_cell(column.value(part), column.kind) for column in PART_COLUMNS]


@dataclass(slots=True)
class HeardRecording:
    """A recording that a scan found: what names it, and its segments."""

    candidate: RivalRecording
    segments: list[Segment] = field(default_factory=list)


def heard_in(scans: Iterable[int]) -> Mapping[int, dict[int, HeardRecording]]:
    """Return the detections by scan and recording, with two queries."""
    heard: dict[int, dict[int, HeardRecording]] = defaultdict(dict)
    by_detection: dict[int, HeardRecording] = {}
    detections = Detection.objects.filter(scan__in=list(scans))
    columns = (f"recording__{name}" for name in ("uid", *TITLE_COLUMNS))
    for detection in (
        detections.select_related("recording")
        .only("scan", "score", *columns)
        .order_by("created_at", "pk")
    ):
        # An engine can report a recording in several sections; keep the best score.
        recording, score = detection.recording, detection.score
        rival = RivalRecording(recording.uid, score, recording.full_title)
        recording_heard = heard[detection.scan_id].setdefault(recording.pk, HeardRecording(rival))
        by_detection[detection.pk] = recording_heard
        if score is not None and (recording_heard.candidate.score or 0) < score:
            recording_heard.candidate = rival
    segments = Segment.objects.filter(detection__in=list(by_detection))
    for segment in segments.order_by("start_ms", "pk"):
        by_detection[segment.detection_id].segments.append(segment)
    return heard


def rivals_of(
    recordings: Collection[int], segments: Sequence[Segment], heard: Mapping[int, HeardRecording]
) -> list[RivalRecording]:
    """Return what a scan found besides these recordings in the same intervals.

    The best score comes first.
    """
    rivals = [
        rival
        for key, rival in heard.items()
        if key not in recordings
        and any(
            theirs.start_ms < mine.end_ms and theirs.end_ms > mine.start_ms
            for theirs in rival.segments
            for mine in segments
        )
    ]
    rivals.sort(
        key=lambda rival: (
            -(rival.candidate.score or 0),
            -most_bits(rival.segments),
            rival.candidate.recording_uid,
        )
    )
    return [rival.candidate for rival in rivals]
