"""Files that are parts of something longer, such as an hour of a stream.

What a part is of lies above this package, which registers a function in ``finders``. A scan of a part
hears the sound around it, and keeps what belongs to the part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from base.common.registry import Registry
from recognition.speech_track import SpeechTrack
from recognition.types import Fingerprint
from scanning.choices import SourceType
from scanning.engines.base import EngineResult, FoundRecording
from scanning.models import ScannedFile


class Surroundings(Protocol):
    """The sound around a part, for one scan of it."""

    def widen(self, query: Fingerprint) -> Fingerprint:
        """Return the part's fingerprint with the sound around it.

        It may raise ``jobs.errors.WaitsUntil`` while another part must come first.
        """

    def trim(self, result: EngineResult) -> EngineResult:
        """Return what belongs to the part, in times of the part."""

    def trim_speech(self, track: SpeechTrack) -> SpeechTrack:
        """Return what a track of the part with the sound around it says of the part."""

    def own(self, recordings: Sequence[FoundRecording]) -> tuple[FoundRecording, ...]:
        """Return the recordings found that belong to the part, in times of the part.

        For a search of the part for some recordings only; ``trim`` is for a full scan.
        """


finders: Registry[Callable[[ScannedFile], Surroundings | None]] = Registry()
"""Functions that know the surroundings of some files."""


kept_sound: Registry[Callable[[ScannedFile], Sequence[tuple[int, int]] | None]] = Registry()
"""Functions that return the times, in milliseconds, whose sound some files keep."""


def surroundings_of(file: ScannedFile) -> Surroundings | None:
    """Return the surroundings of a file; None for a file that stands alone."""
    candidates = (finder(file) for finder in finders)
    return next((surroundings for surroundings in candidates if surroundings is not None), None)


def kept_intervals(file: ScannedFile) -> Sequence[tuple[int, int]] | None:
    """Return the times whose sound a file keeps; None for a file that keeps it whole."""
    candidates = (times_of(file) for times_of in kept_sound)
    return next((times for times in candidates if times is not None), None)


def sources_here() -> list[SourceType]:
    """Return how files reach this portal; without parts, there are no streams."""
    has_parts = any(True for _ in finders)
    return [source for source in SourceType if has_parts or source != SourceType.STREAM]
