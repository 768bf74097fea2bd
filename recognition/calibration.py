"""From bits to what they mean: expected false matches, and a score for people."""

from __future__ import annotations

import math

from recognition.params import DEFAULT, Params

WINDOWS_PER_HOUR = 360  # windows of 10 s, in which the tail was fitted
POSTINGS_PER_HOUR = 400_000  # measured on music


def catalogue_hours(postings: int) -> float:
    """Hours of reference audio behind so many postings."""
    return max(1.0, postings / POSTINGS_PER_HOUR)


def e_value(bits: float, hours: float, params: Params = DEFAULT) -> float:
    """Matches of at least ``bits`` expected by chance in an hour scanned.

    The best score of a window of strangers has an exponential tail: the share
    ``tail_share`` lies above ``tail_u``, half of it above each ``tail_h`` bits more.
    """
    tail = params.tail_share * 2 ** (-(bits - params.tail_u) / params.tail_h)
    return WINDOWS_PER_HOUR * hours / params.tail_catalogue_hours * tail


def score_of(expected: float) -> float:
    """Score 0–100: 50 at 0.001 expected false matches an hour, 100 at 10⁻¹⁸."""
    if expected <= 0:
        return 100.0
    return round(min(100.0, max(0.0, 50 + (-math.log10(expected) - 3) * 50 / 15)), 1)


def threshold_bits(hours: float, params: Params = DEFAULT) -> float:
    """The fewest bits whose e-value is within the engine's limit."""
    at_zero = e_value(0.0, hours, params)
    return params.tail_h * math.log2(at_zero / params.max_e_value)
