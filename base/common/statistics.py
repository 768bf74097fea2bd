"""Intervals and tests of shares. Pure functions."""

from __future__ import annotations

from math import comb, sqrt
from typing import Final

_Z: Final = 1.959964
"""95 % of a normal distribution lie within so many standard deviations."""


def wilson_interval(share: float, count: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share among ``count``, from 0 to 1.

    ``count`` may be the effective number of weighted observations.
    """
    if count <= 0:
        return 0.0, 1.0
    square = _Z * _Z
    centre = share + square / (2 * count)
    spread = _Z * sqrt(share * (1 - share) / count + square / (4 * count * count))
    whole = 1 + square / count
    return max(0.0, (centre - spread) / whole), min(1.0, (centre + spread) / whole)


def sign_test(count_a: int, count_b: int) -> float:
    """Return how probable it is by chance that two counts differ at least so much."""
    total, least = count_a + count_b, min(count_a, count_b)
    tail = sum(comb(total, count) for count in range(least + 1))
    return min(1.0, 2 * tail / (1 << total))
