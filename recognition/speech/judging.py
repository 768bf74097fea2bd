"""Judge each half second of a sound: is there speech, is there music?

It needs the level map that every scanned file keeps, and no sound. A net of three layers
judges the traits of each half second; its neighbours contribute, because neither speech
nor music often comes or goes for so short a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled, compiled_part
from recognition.speech.traits import REACH, ROW_MS, Values, traits
from recognition.speech_track import HALF_MS, SpeechTrack
from recognition.types import LevelMap

WEIGHTS: Final = Path(__file__).with_name("net.npz")
_STAYS: Final = (0.9, 0.93)  # speech, music: probability to last another half second
_MOST_ODDS: Final = 6.0  # limit on the log odds of one half second
_MOST_SPREADS: Final = 5.0  # limit on a trait, in standard deviations
_BLOCK: Final = 9375  # rows: ten minutes, a whole number of half seconds


@dataclass(frozen=True, slots=True)
class Net:
    """Mean and spread of each trait, and weights and bias of each layer."""

    mean: Values
    spread: Values
    layers: tuple[tuple[Values, Values], ...]

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Net:
        """Read the net from a file of NumPy arrays."""
        with np.load(path) as stored:
            arrays = {name: stored[name].astype(np.float32) for name in stored.files}
        layers = tuple((arrays[f"W{i}"], arrays[f"b{i}"]) for i in range(3))
        return cls(arrays["mu"], arrays["sd"], layers)

    def odds(self, described: Values) -> Values:
        """Return the log odds [half seconds, (speech, music)] of traits."""
        scaled = (described - self.mean) / self.spread
        x = np.clip(scaled, -_MOST_SPREADS, _MOST_SPREADS)
        *hidden, (weights, bias) = self.layers
        for inner, inner_bias in hidden:
            x = np.maximum(x @ inner + inner_bias, 0)
        odds: Values = x @ weights + bias
        return odds


@cache
def _net() -> Net:
    return Net.load()


def judge(level_map: LevelMap) -> SpeechTrack:
    """Return where a sound holds speech and music.

    Of sound that goes on, the last 3.2 s are judged with less than they need.
    """
    return SpeechTrack.of(_probabilities(level_map.levels))


def judge_interval(level_map: LevelMap, start_ms: int, end_ms: int) -> SpeechTrack:
    """Return the track of an interval alone, which begins at its start."""
    low = max(0, start_ms // ROW_MS)
    high = min(len(level_map.levels), max(low + 1, -(-end_ms // ROW_MS)))
    first, last = max(0, low - REACH), min(len(level_map.levels), high + REACH)
    count = _halves(high - low)
    odds = _odds(level_map.levels[first:last], low - first, count)
    return SpeechTrack.of(_smoothed(odds))


def _probabilities(levels: NDArray[np.uint8]) -> Values:
    parts = [np.zeros((0, 2), np.float32)]
    for start in range(0, len(levels), _BLOCK):
        low, high = max(0, start - REACH), start + _BLOCK + REACH
        count = _halves(min(_BLOCK, len(levels) - start))
        parts.append(_odds(levels[low:high], start - low, count))
    return _smoothed(np.concatenate(parts))


def _halves(rows: int) -> int:
    return int(rows * ROW_MS / HALF_MS + 0.5)


def _odds(levels: NDArray[np.uint8], first_row: int, count: int) -> Values:
    if not count:
        return np.zeros((0, 2), np.float32)
    return _net().odds(traits(levels, first_row, count))


def _smoothed(odds: Values) -> Values:
    """Return the probabilities of half seconds, given all of them (two-state chains)."""
    own = np.clip(odds, -_MOST_ODDS, _MOST_ODDS).astype(np.float64)
    chained = [_with_neighbours(own[:, i].copy(), stays) for i, stays in enumerate(_STAYS)]
    probabilities: Values = (1 / (1 + np.exp(-np.stack(chained, axis=1)))).astype(np.float32)
    return probabilities


@compiled
def _with_neighbours(odds: NDArray[np.float64], stays: float) -> NDArray[np.float64]:
    """Return the log odds of each half second given all others."""
    n = len(odds)
    total = odds.copy()
    before, after = np.float64(0), np.float64(0)
    for i in range(n):
        total[i] += before
        total[n - 1 - i] += after
        before = _carried(before + odds[i], stays)
        after = _carried(after + odds[n - 1 - i], stays)
    return total


@compiled_part
def _carried(odds: float, stays: float) -> np.float64:
    """Return the log odds of a half second that follow from those of its neighbour."""
    ratio = np.exp(odds)
    return np.float64(np.log((ratio * stays + 1 - stays) / (ratio * (1 - stays) + stays)))
