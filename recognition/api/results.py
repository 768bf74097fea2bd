"""Results as values: times in seconds, recordings by their id, all of it fit for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recognition.relate.compare import SoundComparison
from recognition.types import RefusedAlignment, ScanResult, SegmentMatch, UnmatchedInterval

Name = Callable[[int], str]


class _Result:
    """A dataclass that can be written as JSON; without slots, its help is half as long."""

    def to_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return all fields by name, as values that ``json.dumps`` takes."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]  # a dataclass


@dataclass(frozen=True)
class SharedInterval(_Result):
    """An interval of one sound that another one contains.

    Times are in seconds: ``start_s`` and ``end_s`` in the sound that was scanned (or
    ``a``), ``reference_start_s`` and ``reference_end_s`` in the recording (or ``b``).
    ``tempo_ratio`` is how fast the recording is played (1.03 is 3 % faster), and
    ``pitch_cents`` how much higher. ``score`` is 0 to 100, and so are many sure matches:
    ``bits`` of evidence order them.
    """

    start_s: float
    end_s: float
    reference_start_s: float
    reference_end_s: float
    tempo_ratio: float
    pitch_cents: float
    score: float
    bits: float


@dataclass(frozen=True)
class Segment(_Result):
    """An interval in which a recording of the index is heard.

    ``recording_id`` names it; the other fields up to ``bits`` are those of
    ``SharedInterval``. ``track`` is the number of the sound track, None for the main one.
    ``low_hz`` and ``high_hz`` bound the band that is left of the recording; None where
    nothing is cut off.
    """

    recording_id: str
    start_s: float
    end_s: float
    reference_start_s: float
    reference_end_s: float
    tempo_ratio: float
    pitch_cents: float
    score: float
    bits: float
    track: int | None = None
    low_hz: int | None = None
    high_hz: int | None = None


@dataclass(frozen=True)
class Refused(_Result):
    """The closest recording of an interval without a match, and why it was refused.

    Times are in seconds; ``score`` is 0 to 100.
    """

    recording_id: str
    start_s: float
    end_s: float
    reference_start_s: float
    score: float
    reason: str


@dataclass(frozen=True)
class Unmatched(_Result):
    """An interval without a match, in seconds.

    ``kind`` is ``no_match``, ``silence`` or ``not_scanned``; ``sound`` is ``speech``,
    ``music``, ``both`` or ``other``, None where it was not judged; ``closest`` is None
    where no recording came near.
    """

    start_s: float
    end_s: float
    kind: str
    sound: str | None = None
    closest: Refused | None = None


@dataclass(frozen=True)
class Scan(_Result):
    """What a sound contains: segments and unmatched intervals, each in order of time.

    ``path`` is that of the file, None for an array or a fingerprint. ``warnings`` are
    sentences on what could not be read. ``states_length`` says whether a missing end of
    the file would have been noticed.
    """

    path: str | None
    duration_s: float
    segments: tuple[Segment, ...]
    unmatched: tuple[Unmatched, ...]
    warnings: tuple[str, ...] = ()
    states_length: bool = True

    def rows(self) -> Iterator[dict[str, Any]]:  # Any: JSON
        """Yield one flat dictionary for each segment, which begins with the ``path``.

        ``pandas.DataFrame(scan.rows())`` is the table of them.
        """
        for segment in self.segments:
            yield {"path": self.path, **segment.to_dict()}


@dataclass(frozen=True)
class Comparison(_Result):
    """How two sounds relate.

    - ``a``, ``b``: the paths of their files, None for arrays and fingerprints.
    - ``relation``: ``exact_file`` (the same bytes), ``same_audio``, ``same_recording``,
      ``overlap``, ``shared_loop`` or ``none``.
    - ``altered``: whether tempo or pitch differ audibly.
    - ``coverage_a``, ``coverage_b``: the share (0 to 1) of each that both have.
    - ``tempo_ratio``, ``pitch_cents``: how much faster and higher ``a`` is, where they
      share the most.
    - ``score`` (0 to 100): the highest of any interval; ``confidence`` (0 to 1): how sure
      the relation is.
    - ``segments``: the intervals that they share.
    """

    a: str | None
    b: str | None
    relation: str
    altered: bool
    coverage_a: float
    coverage_b: float
    tempo_ratio: float
    pitch_cents: float
    score: float
    confidence: float
    segments: tuple[SharedInterval, ...]


def scan_of(path: Path | None, result: ScanResult, name: Name) -> Scan:
    """Convert the result of a scan; ``name`` returns the id of a recording's number."""
    return Scan(
        path=None if path is None else str(path),
        duration_s=_s(result.duration_ms),
        segments=tuple(_segment(match, name) for match in result.segments),
        unmatched=tuple(_unmatched(interval, name) for interval in result.unmatched),
        warnings=result.warnings,
        states_length=result.states_length,
    )


def comparison_of(a: Path | None, b: Path | None, found: SoundComparison) -> Comparison:
    """Convert the comparison of two sounds, which the paths name."""
    return Comparison(
        a=None if a is None else str(a),
        b=None if b is None else str(b),
        relation=str(found.relation),
        altered=found.altered,
        coverage_a=found.coverage_a,
        coverage_b=found.coverage_b,
        tempo_ratio=found.tempo_ratio,
        pitch_cents=found.pitch_cents,
        score=found.score,
        confidence=found.confidence,
        segments=tuple(SharedInterval(**_measured(run)) for run in found.runs),
    )


def _segment(match: SegmentMatch, name: Name) -> Segment:
    return Segment(
        recording_id=name(match.recording),
        **_measured(match),
        track=match.track,
        low_hz=match.low_hz,
        high_hz=match.high_hz,
    )


def _measured(match: SegmentMatch) -> dict[str, float]:
    return {
        "start_s": _s(match.start_ms),
        "end_s": _s(match.end_ms),
        "reference_start_s": _s(match.reference_start_ms),
        "reference_end_s": _s(match.reference_end_ms),
        "tempo_ratio": round(match.tempo_ratio, 5),
        "pitch_cents": round(match.pitch_cents, 1),
        "score": round(match.score, 1),
        "bits": round(match.bits, 1),
    }


def _unmatched(interval: UnmatchedInterval, name: Name) -> Unmatched:
    closest = interval.candidate
    return Unmatched(
        start_s=_s(interval.start_ms),
        end_s=_s(interval.end_ms),
        kind=str(interval.kind),
        sound=None if interval.sound is None else str(interval.sound),
        closest=None if closest is None else _refused(closest, name),
    )


def _refused(closest: RefusedAlignment, name: Name) -> Refused:
    return Refused(
        recording_id=name(closest.recording),
        start_s=_s(closest.start_ms),
        end_s=_s(closest.end_ms),
        reference_start_s=_s(closest.reference_start_ms),
        score=round(closest.score, 1),
        reason=closest.reason,
    )


def _s(ms: int) -> float:
    return ms / 1000
