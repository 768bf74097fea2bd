"""Convert evidence in bits to expected false matches, and those to a score."""

from __future__ import annotations

import math

from recognition.params import DEFAULT, Params

WINDOWS_PER_HOUR = 360  # windows of 10 s, in which the tail was fitted
POSTINGS_PER_HOUR = 400_000  # measured on music


def catalogue_hours(postings: int) -> float:
    """Return the hours of reference audio that produce this many postings."""
    return max(1.0, postings / POSTINGS_PER_HOUR)


def e_value(bits: float, hours: float, params: Params = DEFAULT) -> float:
    """Return how many matches of at least ``bits`` chance produces per scanned hour.

    The best score of a 10 s window of unrelated music has an exponential tail: the
    share ``tail_share`` exceeds ``tail_u`` bits, and each further ``tail_h`` bits halve
    it.
    """
    tail = params.tail_share * 2 ** (-(bits - params.tail_u) / params.tail_h)
    return WINDOWS_PER_HOUR * hours / params.tail_catalogue_hours * tail


def score_of(expected: float) -> float:
    """Convert an e-value to a score of 0–100; see docs/recognition.md, The score.

    50 stands for 0.001 expected false matches an hour, 100 for 10⁻¹⁸.
    """
    if expected <= 0:
        return 100.0
    return round(min(100.0, max(0.0, 50 + (-math.log10(expected) - 3) * 50 / 15)), 1)


def rarity_of(score: float) -> int:
    """Return n: in 10ⁿ hours of unrelated audio, less than one match is expected to
    reach this score, which is at least 50.
    """
    return int(3 + (score - 50) * 15 / 50)


def threshold_bits(hours: float, params: Params = DEFAULT) -> float:
    """Return the evidence in bits that a match needs in a catalogue of ``hours``."""
    at_zero = e_value(0.0, hours, params)
    return params.tail_h * math.log2(at_zero / params.max_e_value)
