"""Copy an interval of a run from the ring to an audio file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CutFacts:
    """What a cut file holds: times of the run in ms, the file's suffix, and its codec.

    The file may begin up to a second before the interval, and end as much after it.
    """

    start_ms: int
    end_ms: int
    suffix: str
    codec: str


def cut_audio(
    folder: Path, run: str, start_ms: int, end_ms: int, target: Path
) -> CutFacts:
    """Copy an interval of a run to ``target``, as it was sent.

    Raises ``RingGone`` if the ring has overwritten any of it.
    """
    raise NotImplementedError
