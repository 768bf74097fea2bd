"""Many different recordings from a little music, by transforming landmarks.

Music played backwards, mirrored in pitch, or at another tempo and a few semitones away
is a stranger to the engine, with the statistics of music. Neighbours in tempo always
differ in pitch too, so that no variant is found as a sped-up copy of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT
from recognition.types import Landmarks

_TEMPI = (1.0, 0.85, 1.18, 0.72, 1.39)
_SHIFTS = (0, 9, -9, 18, -18, 27, -27)
_MANY_TEMPI = (1.0, 0.94, 1.06, 0.88, 1.13, 0.82, 1.2, 0.77, 1.28, 0.72, 1.36)
_MANY_SHIFTS = (0, *range(5, 66, 4), *range(-5, -66, -4))


@dataclass(frozen=True, slots=True)
class Variant:
    """A transformation of one recording into another."""

    tempo: float = 1.0
    shift: int = 0
    backwards: bool = False
    mirrored: bool = False

    def of(self, landmarks: Landmarks) -> Landmarks:
        """Return the other recording, as long as the first or shorter."""
        frames = landmarks.frames.astype(np.float64)
        bins = landmarks.bins
        if self.mirrored:
            bins = np.float32(DEFAULT.n_bins - 1) - bins
        bins = bins + np.float32(self.shift)
        last = float(frames[-1]) if len(frames) else 0.0
        if self.backwards:
            frames = last - frames
        moved = np.rint(frames * self.tempo).astype(np.int32)
        inside = (bins >= 0) & (bins < DEFAULT.n_bins) & (moved <= last)
        order = np.argsort(moved[inside], kind="stable")
        made = Landmarks(moved, bins, landmarks.levels, turned(landmarks.phases, self.backwards))
        return made.select(inside).select(order)


def turned(phases: NDArray[np.uint8] | None, backwards: bool) -> NDArray[np.uint8] | None:
    """Return the phases of sound played in either direction."""
    return -phases if backwards and phases is not None else phases


def variants() -> Iterator[Variant]:
    """Return every variant, the unchanged music among them."""
    return _combined(_TEMPI, _SHIFTS)


def many_variants() -> Iterator[Variant]:
    """Return ten times as many, nearer to each other."""
    return _combined(_MANY_TEMPI, _MANY_SHIFTS)


def turned_variants() -> Iterator[Variant]:
    """Return those of ``many_variants`` that are no edit: backwards, mirrored, or both."""
    return (variant for variant in many_variants() if variant.backwards or variant.mirrored)


def _combined(tempi: Sequence[float], shifts: Sequence[int]) -> Iterator[Variant]:
    order, ranked = sorted(tempi), sorted(shifts)
    unchanged = (order.index(1.0) + ranked.index(0)) % 2
    for (tempo, (place, shift)), backwards, mirrored in product(
        product(tempi, enumerate(ranked)), (False, True), (False, True)
    ):
        if (order.index(tempo) + place) % 2 == unchanged:
            yield Variant(tempo, shift, backwards, mirrored)
