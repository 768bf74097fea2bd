"""The embedded engine: our own recognition library on our own index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from catalogue import index_store
from catalogue.models import Bucket, Recording, RecordingStatus
from recognition import match
from recognition.params import ENGINE_VERSION
from recognition.policy import AudioType, ScanPolicy
from recognition.types import (
    Fingerprint,
    Progress,
    ScanResult,
    SegmentMatch,
    Stretch,
    StretchKind,
)
from scanning.engines.base import EngineResult, FoundRecording, FoundSegment
from scanning.models import Container

SCORE_SCALE = f"0-100:{ENGINE_VERSION}"


def recognise(
    container: Container,
    query: Fingerprint,
    *,
    also: Iterable[Bucket] = (),
    progress: Progress | None = None,
) -> EngineResult:
    """Search the container's buckets for everything that sounds in ``query``.

    ``also`` are searched beside them.
    """
    names = {bucket.pk: bucket.name for bucket in [*container.buckets.all(), *also]}
    bucket_ids = sorted(names)
    result = match.scan(
        query,
        index=index_store.open_index(),
        buckets=bucket_ids,
        references=index_store.references_of(bucket_ids),
        policy=scan_policy(container),
        progress=progress,
    )
    return EngineResult(
        engine_version=ENGINE_VERSION,
        found=by_recording(result.segments),
        stretches=tuple(_stretch(stretch) for stretch in result.stretches),
        warnings=(*result.warnings, *parts_not_done(container)),
        buckets=tuple({"id": pk, "name": names[pk]} for pk in bucket_ids),
        recordings_searched=Recording.objects.filter(
            bucket_id__in=bucket_ids, status=RecordingStatus.READY
        ).count(),
        no_match_reason=_why_no_match(result),
    )


def identify(bucket_ids: Sequence[int], query: Fingerprint) -> list[FoundRecording]:
    """Return what sounds in a short clip, best first."""
    result = match.scan(
        query,
        index=index_store.open_index(),
        buckets=list(bucket_ids),
        references=index_store.references_of(bucket_ids),
    )
    found = by_recording(result.segments)
    return sorted(found, key=lambda one: -(one.score or 0))


def scan_policy(container: Container) -> ScanPolicy:
    """Return what of a file the container's settings scan; odd values scan it all."""
    told = container.policy if isinstance(container.policy, dict) else {}
    audio_type = AudioType(container.audio_type)
    length_ms = max(1, round(1000 * (_positive(told.get("rec_length")) or 10)))
    if told.get("type") == "points":
        points = min(_MAX_POINTS, int(_positive(told.get("points"))))
        return ScanPolicy(audio_type, rec_length_ms=length_ms, points=points)
    interval_ms = round(1000 * _positive(told.get("interval")))
    return ScanPolicy(audio_type, interval_ms=interval_ms, rec_length_ms=length_ms)


def _positive(value: object) -> float:
    """Return a number of sane size; 0 for what is none."""
    try:
        number = float(str(value))
    except ValueError:
        return 0.0
    return number if 0 < number < _MAX_SECONDS else 0.0


def parts_not_done(container: Container) -> tuple[str, ...]:
    """Return a sentence for each thing the container asks for that is not done here."""
    wanted = [*_NOT_DONE_ENGINES.get(container.wire_engine, ())]
    wanted += [
        text for flag, text in _NOT_DONE_FLAGS.items() if getattr(container, flag)
    ]
    return tuple(
        f"Not done: {text}. The embedded engine searches by fingerprint only."
        for text in dict.fromkeys(wanted)
    )


_MAX_POINTS = 10_000
_MAX_SECONDS = 172_800.0
_COVERS = "search for cover versions"
_NOT_DONE_ENGINES: dict[int, tuple[str, ...]] = {
    2: (_COVERS,),
    3: (_COVERS,),
    4: ("speech to text",),
    5: ("detection of AI-made music",),
}
_NOT_DONE_FLAGS = {
    "deepright": "search for derivative works",
    "music_detection": "telling music from speech",
    "ai_detection": "detection of AI-made music",
}


def by_recording(segments: tuple[SegmentMatch, ...]) -> tuple[FoundRecording, ...]:
    """Return the plays as what was found of each recording."""
    grouped: dict[int, list[SegmentMatch]] = {}
    for segment in segments:
        grouped.setdefault(segment.recording, []).append(segment)
    return tuple(
        FoundRecording(
            recording_id=recording_id,
            score=max(_tenth(play.score) for play in plays),
            score_scale=SCORE_SCALE,
            segments=tuple(_segment(play) for play in plays),
        )
        for recording_id, plays in grouped.items()
    )


def _segment(play: SegmentMatch) -> FoundSegment:
    return FoundSegment(
        start_ms=play.start_ms,
        end_ms=play.end_ms,
        reference_start_ms=play.reference_start_ms,
        reference_end_ms=play.reference_end_ms,
        score=_tenth(play.score),
        tempo_ratio=Decimal(f"{play.tempo_ratio:.5f}"),
        pitch_cents=_tenth(play.pitch_cents),
        aligned_landmarks=play.aligned,
        expected_by_chance=Decimal(f"{play.expected_by_chance:.2f}"),
        speech_pct=None if play.speech is None else Decimal(f"{100 * play.speech:.2f}"),
    )


def _tenth(value: float) -> Decimal:
    return Decimal(f"{value:.1f}")


def _stretch(stretch: Stretch) -> dict[str, Any]:  # Any: JSON
    plain: dict[str, Any] = {
        "start_ms": stretch.start_ms,
        "end_ms": stretch.end_ms,
        "kind": str(stretch.kind),
    }
    if stretch.speech is not None:
        plain["speech_pct"] = round(100 * stretch.speech, 2)
    if stretch.candidate is not None:
        near = stretch.candidate
        plain["candidate"] = {
            "recording_id": near.recording,
            "start_ms": near.start_ms,
            "end_ms": near.end_ms,
            "reference_start_ms": near.reference_start_ms,
            "score": round(near.score, 1),
            "reason": near.reason,
        }
    return plain


def _why_no_match(result: ScanResult) -> str:
    """Return the reason code of product rule §5.4; empty when something matched."""
    if result.segments:
        return ""
    if all(stretch.kind == StretchKind.SILENCE for stretch in result.stretches):
        return "silence"
    if any(stretch.kind == StretchKind.NOT_SCANNED for stretch in result.stretches):
        return "partial_scan"
    if any(stretch.candidate is not None for stretch in result.stretches):
        return "below_floor"
    return "clean_scan"
