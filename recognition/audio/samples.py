"""Turn arrays of samples into the blocks that fingerprints are made of.

They take the way of decoded frames, so that an array sounds like the file that holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from recognition.audio.decode import SAMPLE_RATE
from recognition.audio.mono import MonoConverter, samples_of

_LAYOUTS = {1: "mono", 2: "stereo"}


def mono_blocks(parts: Iterable[NDArray[np.float32]], rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield mono samples at 8 kHz of parts of shape [1 or 2 channels, samples]."""
    converter = MonoConverter(SAMPLE_RATE)
    for part in parts:
        frame = AudioFrame.from_ndarray(part, format="fltp", layout=_LAYOUTS[len(part)])
        frame.sample_rate = rate
        for made in converter.take(frame):
            yield samples_of(made)
    for made in converter.finish():
        yield samples_of(made)
