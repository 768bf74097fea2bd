"""Format results for the command line: JSON objects and tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from recognition.api.collection import BUCKET, Collection
from recognition.api.results import Comparison, Scan, Segment, SharedInterval, Unmatched
from recognition.errors import RecognitionError
from recognition.params import DEFAULT, ENGINE_VERSION

if TYPE_CHECKING:
    from recognition.recurring.items import Item

Object: TypeAlias = dict[str, Any]  # Any: JSON
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
    "RecognitionError": "failed",
}

KINDS = {"no_match": "no match", "silence": "silence", "not_scanned": "not scanned"}


def scan_table(path: Path, scan: Scan) -> str:
    """Return segments and unmatched intervals of one file, in order of time."""
    rows = [(segment.start_s, _segment(segment)) for segment in scan.segments]
    rows += [(interval.start_s, _interval(interval)) for interval in scan.unmatched]
    stated = "" if scan.states_length else ", no length stated in the file"
    head = f"{path} ({_clock(scan.duration_s)}{stated})"
    notes = [f"  note: {warning}" for warning in scan.warnings]
    return "\n".join([head, *notes, *(f"  {text}" for _, text in sorted(rows))])


def _segment(segment: Segment) -> str:
    track = f"  track {segment.track}" if segment.track else ""
    return (
        f"{_span(segment.start_s, segment.end_s)}  {segment.recording_id:30}  "
        f"{_span(segment.reference_start_s, segment.reference_end_s)}  "
        f"{_change(segment):22}  {segment.score:5.1f}{track}{_band(segment)}"
    )


def error_object(error: RecognitionError | OSError) -> ErrorObject:
    """Return the code and the message of an error, for ``--json``."""
    if isinstance(error, OSError):
        return {"code": "unreadable", "message": error.strerror or str(error)}
    kinds = (kind.__name__ for kind in type(error).__mro__)
    return {"code": next(filter(None, map(ERROR_CODES.get, kinds))), "message": str(error)}


def comparison_table(comparison: Comparison) -> str:
    """Return the relation, what is shared of either file, and the shared intervals."""
    lines = [
        f"{comparison.relation}{' (altered)' if comparison.altered else ''}",
        f"  covers {comparison.coverage_a:.1%} of {comparison.a}",
        f"  covers {comparison.coverage_b:.1%} of {comparison.b}",
    ]
    lines += [
        f"  {segment.start_s:9.2f} – {segment.end_s:.2f} s  =  "
        f"{segment.reference_start_s:9.2f} – {segment.reference_end_s:.2f} s  "
        f"{_change(segment)}  {segment.score:.1f}"
        for segment in comparison.segments
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
    count, length = len(item.occurrences), _clock(_s(item.length_ms)).strip()
    lines = [f"{number}: {length}, {count} occurrences"]
    for occurrence in item.occurrences:
        star = "*" if occurrence == item.best else " "
        lines.append(
            f" {star} {_span(_s(occurrence.start_ms), _s(occurrence.end_ms))}  {occurrence.tempo_ratio:.4f} × "
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


def _band(segment: Segment) -> str:
    low, high = segment.low_hz, segment.high_hz
    if low is None and high is None:
        return ""
    return f"  {'' if low is None else low}–{'' if high is None else high} Hz"


def _change(part: Segment | SharedInterval) -> str:
    return f"{part.tempo_ratio:.4f} × {part.pitch_cents:+.0f} cents"


def _interval(interval: Unmatched) -> str:
    sound = f", {interval.sound}" if interval.sound else ""
    return f"{_span(interval.start_s, interval.end_s)}  – {KINDS[interval.kind]}{sound}"


def _s(ms: int) -> float:
    return ms / 1000


def _span(start_s: float, end_s: float) -> str:
    return f"{_clock(start_s)} – {_clock(end_s)}"


def _clock(seconds: float) -> str:
    minutes, remainder = divmod(round(1000 * seconds), 60_000)
    return f"{minutes:3d}:{remainder / 1000:06.3f}"
