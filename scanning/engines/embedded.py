"""The embedded engine: runs our recognition library on our index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalogue import following, index_store
from catalogue.models import Bucket, Recording, RecordingStatus
from recognition import interrupts
from recognition.params import DEFAULT, ENGINE_VERSION
from recognition.relate.tracks import scan_tracks
from recognition.search import match
from recognition.search.policy import CaptureType, ScanPolicy
from recognition.search.unmatched import divided
from recognition.speech_track import Share, SoundKind, SpeechTrack
from recognition.types import (
    Progress,
    RefusedAlignment,
    ScanResult,
    SegmentMatch,
    UnmatchedInterval,
    UnmatchedKind,
)
from scanning.choices import EditedMusic, NoMatchReason
from scanning.engines.base import EngineResult, FoundRecording, FoundSegment, most_bits
from scanning.fingerprints import Sound
from scanning.models import Container

SCORE_SCALE = f"0-100:{ENGINE_VERSION}"
_OF_CANDIDATES = ("start_ms", "end_ms", "reference_start_ms", "score", "reason")
_MAX_POINTS = 10_000
# Nearly all of what has no match.
_SPEECH_ONLY = 0.9
_MAX_SECONDS = 172_800.0
_COVERS = _("search for cover versions")
_NOT_DONE_ENGINES: dict[int, tuple[str | Promise, ...]] = {
    2: (_COVERS,),
    3: (_COVERS,),
    4: (_("speech to text"),),
    5: (_("detection of AI-made music"),),
}
_NOT_DONE_FLAGS = {
    "deepright": _("search for derivative works"),
    "music_detection": _("telling music from other sound outside matches"),
    "ai_detection": _("detection of AI-made music"),
}


def names_of_buckets(container: Container, also: Iterable[Bucket]) -> dict[int, str]:
    """Return the names of the buckets to search by key: the container's, and ``also``."""
    buckets = [*container.buckets.present(), *also]
    return dict(sorted((bucket.pk, bucket.name) for bucket in buckets))


def scan_policy(container: Container) -> ScanPolicy:
    """Return the parts of a file to scan; unreadable settings scan all of it."""
    settings = container.policy if isinstance(container.policy, dict) else {}
    every = ScanPolicy(
        CaptureType(container.audio_type), widely=container.edited_music == EditedMusic.WIDELY
    )
    length_ms = max(1, round(1000 * (_positive(settings.get("rec_length")) or 10)))
    if settings.get("type") == "points":
        points = min(_MAX_POINTS, int(_positive(settings.get("points"))))
        return replace(every, rec_length_ms=length_ms, points=points)
    interval_ms = round(1000 * _positive(settings.get("interval")))
    return replace(every, interval_ms=interval_ms, rec_length_ms=length_ms)


def _positive(value: object) -> float:
    """Return a positive number of plausible size, else 0."""
    try:
        number = float(str(value))
    except ValueError:
        return 0.0
    return number if 0 < number < _MAX_SECONDS else 0.0


def _look(_share: float) -> None:
    """Stop a search that shows no progress, if it must not go on."""
    interrupts.look()


def search(
    sound: Sound,
    buckets: Sequence[int],
    policy: ScanPolicy | None = None,
    progress: Progress = _look,
) -> tuple[ScanResult, int]:
    """Search the index of this machine; return the state of the catalogue, too.

    The copy of the index follows the catalogue first, so that the search finds every
    recording that was searchable when it was asked for.
    """
    # The progress keeps a scan alive also while the copy follows.
    with following.searched_index(lambda _done, _all: progress(0.0)) as (index, state):
        scan = partial(
            match.scan,
            index=index,
            buckets=buckets,
            references=index_store.references_of(buckets, index),
            policy=policy,
            progress=progress,
        )
        with interrupts.limited_search():
            return scan_tracks(sound.main, sound.tracks, scan), state


def engine_result(
    container: Container, names: Mapping[int, str], result: ScanResult, state: int
) -> EngineResult:
    """Return what a search of the named buckets found, as all engines state it."""
    return EngineResult(
        engine_version=ENGINE_VERSION,
        found=by_recording(result.segments),
        unmatched=tuple(_interval(interval) for interval in result.unmatched),
        warnings=(*result.warnings, *parts_not_done(container)),
        buckets=tuple({"id": pk, "name": name} for pk, name in names.items()),
        recordings_searched=Recording.objects.filter(
            bucket_id__in=names, status=RecordingStatus.READY
        ).count(),
        catalogue_state=state,
        no_match_reason=_why_no_match(result) if names else NoMatchReason.NO_BUCKET,
        speech=result.speech,
    )


def by_recording(segments: tuple[SegmentMatch, ...]) -> tuple[FoundRecording, ...]:
    """Group segments by recording."""
    grouped: dict[int, list[SegmentMatch]] = {}
    for segment in segments:
        grouped.setdefault(segment.recording, []).append(segment)
    lengths = dict(Recording.objects.filter(pk__in=grouped).values_list("pk", "duration_ms"))
    return tuple(
        FoundRecording(
            recording_id=recording_id,
            score=max(_tenth(segment.score) for segment in matches),
            score_scale=SCORE_SCALE,
            segments=tuple(
                _segment(_within(segment, lengths.get(recording_id))) for segment in matches
            ),
        )
        for recording_id, matches in grouped.items()
    )


def _within(segment: SegmentMatch, length_ms: int | None) -> SegmentMatch:
    """Return a match that ends with its recording; the engine does not know its length."""
    over = max(0, segment.reference_end_ms - (length_ms or segment.reference_end_ms))
    return replace(
        segment,
        end_ms=segment.end_ms - round(over / segment.tempo_ratio),
        reference_end_ms=segment.reference_end_ms - over,
    )


def _segment(segment: SegmentMatch) -> FoundSegment:
    return FoundSegment(
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        reference_start_ms=segment.reference_start_ms,
        reference_end_ms=segment.reference_end_ms,
        score=_tenth(segment.score),
        bits=_tenth(segment.bits),
        tempo_ratio=Decimal(f"{segment.tempo_ratio:.5f}"),
        pitch_cents=_tenth(segment.pitch_cents),
        aligned_landmarks=segment.aligned,
        expected_by_chance=Decimal(f"{segment.expected_by_chance:.2f}"),
        track=segment.track,
        low_hz=segment.low_hz,
        high_hz=segment.high_hz,
    )


def _tenth(value: float) -> Decimal:
    return Decimal(f"{value:.1f}")


def _interval(interval: UnmatchedInterval) -> dict[str, Any]:  # Any: JSON
    # Stored as JSON with the scan; pages and evidence packs read these keys.
    plain: dict[str, Any] = {
        "start_ms": interval.start_ms,
        "end_ms": interval.end_ms,
        "kind": str(interval.kind),
    }
    if interval.sound is not None:
        plain["sound"] = str(interval.sound)
    for name in ("speech", "music"):
        share: Share | None = getattr(interval, name)
        if share is not None:
            plain[name] = [round(bound, 4) for bound in share]
    if interval.candidate is not None:
        near = interval.candidate
        plain["candidate"] = {
            "recording_id": near.recording,
            **{name: getattr(near, name) for name in _OF_CANDIDATES},
            "score": round(near.score, 1),
        }
    return plain


def parts_not_done(container: Container) -> tuple[str, ...]:
    """Return a warning for each requested feature that this engine lacks."""
    warnings = [*_NOT_DONE_ENGINES.get(container.wire_engine, ())]
    warnings += [str(text) for flag, text in _NOT_DONE_FLAGS.items() if getattr(container, flag)]
    return tuple(
        gettext("Not done: %(text)s. The embedded engine searches by fingerprint only.")
        % {"text": text}
        for text in dict.fromkeys(warnings)
    )


def _why_no_match(result: ScanResult) -> str:
    """Return the reason code of a scan without a match; empty if there is one."""
    if result.segments:
        return ""
    if all(interval.kind == UnmatchedKind.SILENCE for interval in result.unmatched):
        return NoMatchReason.SILENCE
    if any(interval.kind == UnmatchedKind.NOT_SCANNED for interval in result.unmatched):
        return NoMatchReason.PARTIAL_SCAN
    heard_ms = sum(
        interval.end_ms - interval.start_ms
        for interval in result.unmatched
        if interval.kind == UnmatchedKind.NO_MATCH
    )
    if heard_ms < DEFAULT.shortest_segment_ms:
        return NoMatchReason.TOO_SHORT
    # Check speech before weak candidates: most audio has a candidate by chance.
    if _is_speech(result.unmatched):
        return NoMatchReason.SPEECH_ONLY
    if any(interval.candidate is not None for interval in result.unmatched):
        return NoMatchReason.BELOW_FLOOR
    return NoMatchReason.CLEAN_SCAN


def _is_speech(intervals: Sequence[UnmatchedInterval]) -> bool:
    """Return whether nearly all sound is speech without music."""
    lengths: Counter[SoundKind] = Counter()
    for interval in intervals:
        if interval.sound is not None:
            lengths[interval.sound] += interval.end_ms - interval.start_ms
    spoken = lengths[SoundKind.SPEECH]
    return spoken > 0 and spoken >= _SPEECH_ONLY * lengths.total()


def best_first(result: ScanResult) -> list[FoundRecording]:
    """Return the recordings of a result, best first."""
    recordings = by_recording(result.segments)
    return sorted(
        recordings, key=lambda found: (found.score or 0, most_bits(found.segments)), reverse=True
    )


def divided_again(
    stored: Sequence[dict[str, Any]], track: SpeechTrack
) -> list[dict[str, Any]]:  # Any: JSON
    """Return stored unmatched intervals as a scan divides them by another track."""
    return [
        _interval(piece)
        for interval in _joined(stored)
        for piece in (
            divided(interval, track) if interval.kind is UnmatchedKind.NO_MATCH else (interval,)
        )
    ]


def _joined(stored: Iterable[dict[str, Any]]) -> Iterator[UnmatchedInterval]:  # Any: JSON
    """Yield unmatched intervals as they were before they were divided."""
    last: UnmatchedInterval | None = None
    for plain in stored:
        interval = _read_interval(plain)
        if last is None or (last.kind, last.end_ms) != (interval.kind, interval.start_ms):
            if last is not None:
                yield last
            last = interval
            continue
        candidates = [near for near in (last.candidate, interval.candidate) if near is not None]
        best = max(candidates, key=lambda near: near.score, default=None)
        last = replace(last, end_ms=interval.end_ms, candidate=best)
    if last is not None:
        yield last


def _read_interval(plain: dict[str, Any]) -> UnmatchedInterval:  # Any: JSON
    near = plain.get("candidate")
    candidate = near and RefusedAlignment(
        recording=near["recording_id"], **{name: near[name] for name in _OF_CANDIDATES}
    )
    return UnmatchedInterval(
        plain["start_ms"], plain["end_ms"], UnmatchedKind(plain["kind"]), candidate
    )
