"""Result types that all engines share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from recognition.speech_track import SpeechTrack
from scanning.choices import Section


@dataclass(frozen=True, slots=True)
class FoundSegment:
    """One aligned interval, in milliseconds of the source and of the reference."""

    start_ms: int
    end_ms: int
    reference_start_ms: int
    reference_end_ms: int
    score: Decimal | None = None
    bits: Decimal | None = None
    tempo_ratio: Decimal | None = None
    pitch_cents: Decimal | None = None
    aligned_landmarks: int | None = None
    expected_by_chance: Decimal | None = None
    track: int | None = None
    low_hz: int | None = None
    high_hz: int | None = None


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """One recording with its aligned segments."""

    recording_id: int
    score: Decimal | None
    score_scale: str
    segments: tuple[FoundSegment, ...]
    section: Section = Section.CUSTOM_FILES
    ids: dict[str, Any] = field(default_factory=dict)  # Any: the cloud's own values


@dataclass(frozen=True, slots=True)
class EngineResult:
    """An engine's result. ``unmatched`` are JSON-ready dicts; see ``Scan.unmatched``.

    ``speech`` is where the file has speech and music, if the engine tells.
    """

    engine_version: str
    found: tuple[FoundRecording, ...]
    unmatched: tuple[dict[str, Any], ...] = ()  # Any: JSON
    warnings: tuple[str, ...] = ()
    buckets: tuple[dict[str, Any], ...] = ()  # Any: JSON
    recordings_searched: int = 0
    catalogue_state: int | None = None
    no_match_reason: str = ""
    sha256: str = ""
    other_sections: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    speech: SpeechTrack | None = None


class Weighed(Protocol):
    """A segment, as an engine found it or as it is stored."""

    @property
    def bits(self) -> Decimal | None:
        """Bits of evidence; None where the engine counts none."""


def most_bits(segments: Iterable[Weighed]) -> Decimal:
    """Return the most bits of evidence of any segment, which order equal scores."""
    return max((one.bits for one in segments if one.bits is not None), default=Decimal(0))
