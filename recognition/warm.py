"""Compiles everything once, so that the first command answers at once.

Set ``NUMBA_CACHE_DIR`` before Python starts to choose where the code is kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recognition.builder import extract
from recognition.compare import compare
from recognition.params import DEFAULT


def compile_all() -> None:
    """Run every compiled function on a few seconds of made-up music."""
    fingerprint = extract(_made_up_music())
    compare(fingerprint, fingerprint)
    compare(replace(fingerprint, dense=None, level_map=None), fingerprint)


def _made_up_music() -> NDArray[np.float32]:
    """Six seconds of short random tones."""
    rng = np.random.default_rng(1)
    rate = DEFAULT.sample_rate
    y = np.zeros(6 * rate, dtype=np.float64)
    length = rate // 4
    t = np.arange(length) / rate
    for _ in range(120):
        start = int(rng.integers(0, len(y) - length))
        tone = np.sin(2 * np.pi * rng.uniform(200, 3400) * t) * np.exp(-8 * t)
        y[start : start + length] += 0.1 * tone
    return y.astype(np.float32)


if __name__ == "__main__":
    compile_all()
