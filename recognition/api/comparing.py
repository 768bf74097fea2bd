"""Compare two sounds, as callers name them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from recognition.api.results import Comparison, comparison_of
from recognition.api.sounds import LAYERS, ReadSound, Sound, read
from recognition.relate.compare import compare as compare_fingerprints


def compare(a: Sound, b: Sound, *, rate: int | None = None) -> Comparison:
    """Say how two sounds relate: which intervals they share, how much faster and higher.

    Args:
        a, b: Paths, arrays or fingerprints, as ``fingerprint`` takes them.
        rate: Samples per second of those that are arrays.

    Raises:
        As ``fingerprint`` does; ``MissingLayer`` for a fingerprint that was made only to
        be scanned.
    """
    if rate is not None and not any(isinstance(sound, np.ndarray) for sound in (a, b)):
        raise TypeError("Only an array takes a rate; files and fingerprints state their own.")
    rates = (rate if isinstance(sound, np.ndarray) else None for sound in (a, b))
    first, second = (
        read(sound, *LAYERS, rate=own) for sound, own in zip((a, b), rates, strict=True)
    )
    return compared(first, second)


def compared(a: ReadSound, b: ReadSound) -> Comparison:
    """Compare two sounds that were read; files of the same bytes are the exact file."""
    found = comparison_of(a.path, b.path, compare_fingerprints(a.fingerprint, b.fingerprint))
    if a.path and b.path and _digest(a.path) == _digest(b.path):
        return replace(found, relation="exact_file")
    return found


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
