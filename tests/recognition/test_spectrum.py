"""The spectrum: levels, axis, and independence of block sizes."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.fingerprints.spectrum import SpectrumStream, levels_of
from recognition.params import DEFAULT
from tests.recognition.synthesis import RATE, music


@pytest.mark.parametrize("block", [333, 4096, 80_000])
def test_levels_do_not_depend_on_the_block_size(block: int) -> None:
    y = music(1, 9)
    stream = SpectrumStream()

    parts = [stream.feed(y[i : i + block]) for i in range(0, len(y), block)]
    in_blocks = np.concatenate([*parts, stream.finish()])

    assert np.array_equal(in_blocks, levels_of(y))


@pytest.mark.parametrize("frequency", [250.0, 440.0, 1000.0, 2500.0])
def test_a_tone_peaks_at_its_place_on_the_axis(frequency: float) -> None:
    y = np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE).astype(np.float32)

    levels = levels_of(y)[30]

    place = DEFAULT.bins_per_octave * np.log2(frequency / DEFAULT.f_min)
    assert abs(int(levels.argmax()) - place) < 1
    assert abs(float(levels.max())) < 1.0


def test_there_is_a_frame_for_every_hop() -> None:
    levels = levels_of(music(2, 4))

    assert levels.shape == (4 * RATE // DEFAULT.hop_length + 1, DEFAULT.n_bins)
    assert levels.dtype == np.float32


def test_no_samples_give_no_more_than_a_frame_of_silence() -> None:
    levels = levels_of(np.zeros(0, dtype=np.float32))

    assert len(levels) <= 1
    assert np.isfinite(levels).all()
