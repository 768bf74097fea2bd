"""Draw a spectrogram of a short file: levels over time and pitch.

Runs inside the confined child process.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.audio.decode import AudioFile
from recognition.audio.mono import MonoConverter, samples_of
from recognition.errors import DecodeFailed, TooLong
from recognition.limits import SPECTROGRAM_ROWS

RATE: Final = 16_000
MAX_SECONDS: Final = 120
LOWEST_HZ: Final = 60.0
HIGHEST_HZ: Final = 7600.0
RANGE_DB: Final = 70.0
QUIETEST_DB: Final = -50.0  # below this, the loudest level is not drawn as full scale
_WINDOW: Final = 1024


def draw(audio: AudioFile, columns: int) -> NDArray[np.uint8]:
    """Return levels of shape [``SPECTROGRAM_ROWS``, ``columns``], 0–255.

    255 is the loudest level, 0 is silence or ``RANGE_DB`` below it. The first row is
    the highest pitch; rows are evenly spaced in octaves from ``HIGHEST_HZ`` down to
    ``LOWEST_HZ``, columns evenly in time. Raises ``TooLong`` over ``MAX_SECONDS``,
    ``DecodeFailed`` if there is no sound.
    """
    power = _power(_samples(audio), columns)
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    pitches = np.geomspace(HIGHEST_HZ, LOWEST_HZ, SPECTROGRAM_ROWS)
    bins = np.interp(pitches, frequencies, np.arange(len(frequencies)))
    below = np.floor(bins).astype(int)
    share = bins - below
    above = np.minimum(below + 1, len(frequencies) - 1)
    rows = power[:, below] * (1 - share) + power[:, above] * share
    decibels = 10 * np.log10(rows.T + 1e-12)
    top = max(float(decibels.max()), QUIETEST_DB)
    levels = np.clip((decibels - top) / RANGE_DB + 1, 0, 1)
    drawn: NDArray[np.uint8] = np.rint(levels * 255).astype(np.uint8)
    return drawn


def _power(samples: NDArray[np.float32], columns: int) -> NDArray[np.float32]:
    """Return the power of each frequency [columns, bins] at evenly spaced times."""
    from recognition.fingerprints.transform import rfft  # most processes draw none

    padded = np.pad(samples, _WINDOW // 2)
    starts = np.linspace(0, len(padded) - _WINDOW, columns).round().astype(int)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[starts]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    weights = (hann / hann.sum()).astype(np.float32)
    power: NDArray[np.float32] = np.abs(rfft(windows * weights, axis=1)) ** 2
    return power


def _samples(audio: AudioFile) -> NDArray[np.float32]:
    converter = MonoConverter(RATE)
    blocks, count = [], 0
    with audio:
        for frame in audio.frames_by(converter):
            block = samples_of(frame)
            blocks.append(np.clip(block, -1, 1))
            count += len(block)
            if count > MAX_SECONDS * RATE:
                raise TooLong(MAX_SECONDS)
    if not count:
        raise DecodeFailed("No sound in the file could be decoded.")
    return np.concatenate(blocks)
