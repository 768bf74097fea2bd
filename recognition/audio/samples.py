"""Turn arrays of samples into the blocks that fingerprints are made of.

They take the way of decoded frames, so that an array sounds like the file that holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from recognition.audio.convert import Converter, Wanted
from recognition.audio.decode import BLOCK_SAMPLES, SAMPLE_RATE
from recognition.audio.mono import mono_block

_LAYOUTS = {1: "mono", 2: "stereo"}


def mono_blocks(parts: Iterable[NDArray[np.float32]], rate: int) -> Iterator[NDArray[np.float32]]:
    """Yield mono samples at 8 kHz of parts of shape [1 or 2 channels, samples]."""
    converter: Converter | None = None
    for part in parts:
        layout = _LAYOUTS[len(part)]
        converter = converter or Converter(Wanted("fltp", layout, SAMPLE_RATE, BLOCK_SAMPLES))
        frame = AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate = rate
        for made in converter.take(frame):
            yield mono_block(made)[0]
    for made in converter.finish() if converter else ():
        yield mono_block(made)[0]
