from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.audio import waveform
from recognition.audio.waveform import WaveformBuilder
from recognition.types import Waveform


def built(y: np.ndarray[tuple[int], np.dtype[np.float32]], block: int) -> Waveform:
    builder = WaveformBuilder()
    for at in range(0, len(y), block):
        builder.feed(y[at : at + block])
    return builder.finish()


def test_each_step_tells_peak_and_rms() -> None:
    y = np.zeros(1200, dtype=np.float32)
    y[400:800] = 0.5
    y[900] = -1

    drawn = built(y, block=10_000)

    assert drawn.step_ms == 50
    assert list(drawn.peaks) == [0, 128, 255]
    assert list(drawn.rms) == [0, 128, 13]


@given(st.integers(1, 3000), st.integers(0, 1000))
def test_block_lengths_make_no_difference(block: int, seed: int) -> None:
    y = np.random.default_rng(seed).normal(0, 0.3, 9000).astype(np.float32)

    in_blocks, whole = built(y, block), built(y, len(y))

    np.testing.assert_array_equal(in_blocks.peaks, whole.peaks)
    np.testing.assert_array_equal(in_blocks.rms, whole.rms)


@pytest.mark.parametrize("block", [80_000, 12_345])
def test_a_long_file_gets_coarser_steps_of_bounded_number(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waveform, "MAX_STEPS", 100)
    y = np.zeros(60 * 8000, dtype=np.float32)
    y[30 * 8000 : 31 * 8000] = 0.5

    drawn = built(y, block)

    assert drawn.step_ms == 800
    assert len(drawn.peaks) == 75
    loud = np.flatnonzero(drawn.peaks) * drawn.step_ms
    assert loud[0] <= 30_000 < loud[0] + 800
    assert len(loud) in (2, 3)


def test_silence_is_counted() -> None:
    builder = WaveformBuilder()
    builder.feed(np.zeros(8000, dtype=np.float32))
    builder.feed(np.full(8000, 0.1, dtype=np.float32))

    assert builder.silent_ms == 1000


def test_a_stored_waveform_comes_back() -> None:
    rng = np.random.default_rng(1)
    made = Waveform(
        step_ms=100,
        peaks=rng.integers(0, 256, 500, dtype=np.uint8),
        rms=rng.integers(0, 256, 500, dtype=np.uint8),
    )

    back = waveform.from_bytes(waveform.to_bytes(made))

    assert back.step_ms == 100
    np.testing.assert_array_equal(back.peaks, made.peaks)
    np.testing.assert_array_equal(back.rms, made.rms)


def test_what_is_no_stored_waveform_is_refused() -> None:
    data = waveform.to_bytes(built(np.zeros(8000, dtype=np.float32), 8000))

    for broken in (b"", b"nonsense" * 5, data[:-3], data[:12] + b"xxxx"):
        with pytest.raises(ValueError, match="not a stored waveform"):
            waveform.from_bytes(broken)
