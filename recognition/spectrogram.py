"""A picture of a short stretch of sound: levels over time and pitch.

Runs inside the limited child process.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from recognition.decode import AudioFile, Wanted, to_mono
from recognition.errors import DecodeFailed, TooLong

RATE: Final = 16_000
MAX_SECONDS: Final = 120
ROWS: Final = 160
MAX_COLUMNS: Final = 2000
LOWEST_HZ: Final = 60.0
HIGHEST_HZ: Final = 7600.0
RANGE_DB: Final = 70.0
QUIETEST_DB: Final = -50.0  # below it, the loudest is not drawn as loud
_WINDOW: Final = 1024


def draw(audio: AudioFile, columns: int) -> NDArray[np.uint8]:
    """Levels of shape [``ROWS``, ``columns``], 255 for the loudest, 0 for silence.

    The first row is the highest pitch; rows are evenly spaced in octaves from
    ``LOWEST_HZ`` to ``HIGHEST_HZ``, columns evenly in time. 0 is ``RANGE_DB`` or more
    below the loudest. Raises ``TooLong`` over ``MAX_SECONDS``, ``DecodeFailed`` where
    there is no sound.
    """
    samples = _samples(audio)
    hop = max(1, len(samples) // columns)
    frequencies, _, spectrum = scipy.signal.stft(
        samples, RATE, nperseg=_WINDOW, noverlap=max(0, _WINDOW - hop), padded=True
    )
    power = np.square(np.abs(spectrum))
    pitches = np.geomspace(HIGHEST_HZ, LOWEST_HZ, ROWS)
    bins = np.interp(pitches, frequencies, np.arange(len(frequencies)))
    below = np.floor(bins).astype(int)
    share = (bins - below)[:, np.newaxis]
    above = np.minimum(below + 1, len(frequencies) - 1)
    rows = power[below] * (1 - share) + power[above] * share
    places = np.linspace(0, rows.shape[1] - 1, columns).round().astype(int)
    decibels = 10 * np.log10(rows[:, places] + 1e-12)
    top = max(float(decibels.max()), QUIETEST_DB)
    levels = np.clip((decibels - top) / RANGE_DB + 1, 0, 1)
    drawn: NDArray[np.uint8] = np.rint(levels * 255).astype(np.uint8)
    return drawn


def _samples(audio: AudioFile) -> NDArray[np.float32]:
    want = Wanted("fltp", audio.layout, RATE, RATE)
    blocks, count = [], 0
    with audio:
        for frame in audio.frames(want):
            block = to_mono(np.asarray(frame.to_ndarray(), dtype=np.float32))
            blocks.append(np.clip(np.nan_to_num(block), -1, 1))
            count += len(block)
            if count > MAX_SECONDS * RATE:
                raise TooLong(MAX_SECONDS)
    if not count:
        raise DecodeFailed("Nothing of it could be decoded.")
    return np.concatenate([*blocks, np.zeros(_WINDOW, dtype=np.float32)])
