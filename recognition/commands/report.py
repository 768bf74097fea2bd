"""Format results for the command line: JSON objects and tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from recognition.commands.collection import BUCKET, Collection
from recognition.errors import RecognitionError
from recognition.params import DEFAULT, ENGINE_VERSION
from recognition.types import ScanResult, SegmentMatch, UnmatchedInterval, UnmatchedKind

if TYPE_CHECKING:
    from recognition.recurring.items import Item
    from recognition.relate.compare import SoundComparison

Object: TypeAlias = dict[str, Any]  # Any: JSON
Name: TypeAlias = Callable[[int], str]
ErrorObject: TypeAlias = dict[str, str]

ERROR_CODES = {
    "UnsupportedMedia": "not_audio",
    "TooShort": "too_short",
    "TooLong": "too_long",
    "DecodeFailed": "decode_failed",
    "OutOfLimits": "out_of_limits",
    "BadFingerprint": "bad_fingerprint",
    "MissingLayer": "missing_layer",
    "ParamsMismatch": "params_mismatch",
    "IndexCorrupt": "index_corrupt",
}

KIND_WORDS = {
    UnmatchedKind.NO_MATCH: "no match",
    UnmatchedKind.SILENCE: "silence",
    UnmatchedKind.NOT_SCANNED: "not scanned",
}


def scan_object(path: Path, result: ScanResult, name: Name) -> Object:
    """Return one line of ``scan --json``."""
    return {
        "path": str(path),
        "duration_s": _s(result.duration_ms),
        "segments": [
            {
                "recording_id": name(segment.recording),
                **_times(segment),
                "track": segment.track,
                "low_hz": segment.low_hz,
                "high_hz": segment.high_hz,
            }
            for segment in result.segments
        ],
        "unmatched": [_interval(interval, name) for interval in result.unmatched],
        "warnings": list(result.warnings),
        "states_length": result.states_length,
    }


def scan_table(path: Path, result: ScanResult, name: Name) -> str:
    """Return segments and unmatched intervals of one file, in order of time."""
    rows: list[tuple[int, str]] = []
    for segment in result.segments:
        speed = f"{segment.tempo_ratio:.4f} × {segment.pitch_cents:+.0f} cents"
        rows.append(
            (
                segment.start_ms,
                f"{_span(segment.start_ms, segment.end_ms)}  "
                f"{name(segment.recording):30}  "
                f"{_span(segment.reference_start_ms, segment.reference_end_ms)}  "
                f"{speed:22}  {segment.score:5.1f}"
                f"{f'  track {segment.track}' if segment.track else ''}"
                f"{_band(segment)}",
            )
        )
    for interval in result.unmatched:
        span = _span(interval.start_ms, interval.end_ms)
        sound = f", {interval.sound}" if interval.sound else ""
        rows.append((interval.start_ms, f"{span}  – {KIND_WORDS[interval.kind]}{sound}"))
    stated = "" if result.states_length else ", no length stated in the file"
    head = f"{path} ({_clock(result.duration_ms)}{stated})"
    notes = [f"  note: {warning}" for warning in result.warnings]
    return "\n".join([head, *notes, *(f"  {text}" for _, text in sorted(rows))])


def error_object(error: RecognitionError | OSError) -> ErrorObject:
    """Return the code and the message of an error, for ``--json``."""
    if isinstance(error, OSError):
        return {"code": "unreadable", "message": error.strerror or str(error)}
    return {"code": ERROR_CODES[type(error).__name__], "message": str(error)}


def comparison_object(comparison: SoundComparison, a: Path, b: Path) -> Object:
    """Return one line of ``compare --json``; the source is ``a``, the reference ``b``."""
    return {
        "a": str(a),
        "b": str(b),
        "relation": str(comparison.relation),
        "altered": comparison.altered,
        "coverage_a": comparison.coverage_a,
        "coverage_b": comparison.coverage_b,
        "tempo_ratio": comparison.tempo_ratio,
        "pitch_cents": comparison.pitch_cents,
        "score": comparison.score,
        "confidence": comparison.confidence,
        "segments": [_times(run) for run in comparison.runs],
    }


def comparison_table(comparison: Object) -> str:
    lines = [
        f"{comparison['relation']}{' (altered)' if comparison['altered'] else ''}",
        f"  covers {comparison['coverage_a']:.1%} of {comparison['a']}",
        f"  covers {comparison['coverage_b']:.1%} of {comparison['b']}",
    ]
    lines += [
        f"  {segment['start_s']:9.2f} – {segment['end_s']:.2f} s  =  "
        f"{segment['reference_start_s']:9.2f} – {segment['reference_end_s']:.2f} s  "
        f"{segment['tempo_ratio']:.4f} × {segment['pitch_cents']:+.0f} cents  {segment['score']:.1f}"
        for segment in comparison["segments"]
    ]
    return "\n".join(lines)


def recurring_object(number: int, item: Item, paths: Sequence[Path]) -> Object:
    """Return one line of ``recurring --json``; ``paths`` are the files by number."""
    return {
        "id": number,
        "length_s": _s(item.length_ms),
        "occurrences": [
            {
                "path": str(paths[occurrence.file]),
                "start_s": _s(occurrence.start_ms),
                "end_s": _s(occurrence.end_ms),
                "tempo_ratio": occurrence.tempo_ratio,
                "score": occurrence.score,
            }
            for occurrence in item.occurrences
        ],
    }


def recurring_table(number: int, item: Item, paths: Sequence[Path]) -> str:
    """Return an item and its occurrences as text; the best copy has a star."""
    count, length = len(item.occurrences), _clock(item.length_ms).strip()
    lines = [f"{number}: {length}, {count} occurrences"]
    for occurrence in item.occurrences:
        star = "*" if occurrence == item.best else " "
        lines.append(
            f" {star} {_span(occurrence.start_ms, occurrence.end_ms)}  {occurrence.tempo_ratio:.4f} × "
            f"{occurrence.pitch_cents:+.0f} cents  {occurrence.score:5.1f}  {paths[occurrence.file]}"
        )
    return "\n".join(lines)


def info_object(collection: Collection) -> Object:
    """Return the statistics of an index, as ``info`` prints them."""
    stats = collection.store.stats(BUCKET)
    return {
        "engine": ENGINE_VERSION,
        "params": DEFAULT.index_hash(),
        "recordings": stats.recordings,
        "duration_s": _s(collection.duration_ms),
        "postings": stats.postings,
        "index_bytes": stats.size_bytes,
        "landmark_bytes": collection.landmark_bytes,
        "segments": stats.segments,
        "tombstones": stats.tombstones,
    }


def _band(segment: SegmentMatch) -> str:
    low, high = segment.low_hz, segment.high_hz
    if low is None and high is None:
        return ""
    return f"  {'' if low is None else low}–{'' if high is None else high} Hz"


def _times(segment: SegmentMatch) -> Object:
    return {
        "start_s": _s(segment.start_ms),
        "end_s": _s(segment.end_ms),
        "reference_start_s": _s(segment.reference_start_ms),
        "reference_end_s": _s(segment.reference_end_ms),
        "tempo_ratio": round(segment.tempo_ratio, 5),
        "pitch_cents": round(segment.pitch_cents, 1),
        "score": round(segment.score, 1),
    }


def _interval(interval: UnmatchedInterval, name: Name) -> Object:
    closest = interval.candidate
    return {
        "start_s": _s(interval.start_ms),
        "end_s": _s(interval.end_ms),
        "kind": str(interval.kind),
        "sound": interval.sound,
        "closest": closest
        and {
            "recording_id": name(closest.recording),
            "start_s": _s(closest.start_ms),
            "end_s": _s(closest.end_ms),
            "reference_start_s": _s(closest.reference_start_ms),
            "score": round(closest.score, 1),
            "reason": closest.reason,
        },
    }


def _s(ms: int) -> float:
    return ms / 1000


def _span(start_ms: int, end_ms: int) -> str:
    return f"{_clock(start_ms)} – {_clock(end_ms)}"


def _clock(ms: int) -> str:
    minutes, remainder_ms = divmod(ms, 60_000)
    return f"{minutes:3d}:{remainder_ms / 1000:06.3f}"
