"""Which sound of a broadcast is scrambled, and how much of a file that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

from recognition.audio.extents import Interval


@dataclass(frozen=True, slots=True)
class ScrambledSound:
    """When the sound of a PID is scrambled, on the clock of its sound in seconds.

    ``begin_s`` and ``end_s`` are when the sound of the section begins and ends.
    """

    pid: int
    begin_s: float
    end_s: float
    intervals: tuple[Interval, ...]


@dataclass(slots=True)
class ScrambledSeconds:
    """How much sound at the beginning, within, and at the end is scrambled."""

    first_s: float = 0.0
    within_s: float = 0.0
    last_s: float = 0.0

    def note(self, sounds: Iterable[ScrambledSound], end_s: float | None, start_s: float) -> None:
        """Take where sound goes on at ``start_s``; ``end_s`` is None at the beginning."""
        scrambled_s = _overlap_s(sounds, -inf if end_s is None else end_s, start_s)
        if end_s is None and not self.last_s:
            self.first_s += scrambled_s
        else:
            self.within_s += self.last_s + scrambled_s
            self.last_s = 0.0

    def note_end(self, sounds: Iterable[ScrambledSound], end_s: float | None) -> None:
        """Take where sound ends; None if there was none."""
        self.last_s += _overlap_s(sounds, -inf if end_s is None else end_s, inf)

    def warnings(self) -> Iterator[str]:
        """Yield what was not searched, from one second on."""
        if round(self.first_s):
            yield f"The first {self.first_s:.0f} s are scrambled and were not searched."
        if round(self.within_s):
            yield (f"{self.within_s:.0f} s within the file are scrambled and were not searched.")
        if round(self.last_s):
            yield f"The last {self.last_s:.0f} s are scrambled and were not searched."


def _overlap_s(sounds: Iterable[ScrambledSound], start_s: float, end_s: float) -> float:
    """Return how long sound is scrambled between two times."""
    return max(
        (
            sum(max(0.0, min(high, end_s) - max(low, start_s)) for low, high in times)
            for times in (sound.intervals for sound in sounds)
        ),
        default=0.0,
    )
