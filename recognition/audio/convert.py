"""Convert decoded frames to one format, rate and layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout

# FFmpeg guesses what stands where if a file has channels without a layout, and leaves out
# what it takes for the bass.
NO_LAYOUT: Final = " channels"
# PyAV reads beyond the planes of frames with more channels.
PYAV_PLANES: Final = 8
# Each call of FFmpeg's filters takes as long as decoding a frame, so frames are converted
# together once they have so many samples.
TOGETHER_SAMPLES: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Wanted:
    """The format that decoded frames are converted to; ``samples`` is their length.

    0 samples: as many as come of what was converted together.
    """

    format: str
    layout: str
    rate: int
    samples: int


class Converter:
    """Converts frames of any format to one format.

    The input format may change on the way (chained streams, broadcast recordings).
    ``options`` are those of FFmpeg's resampler.
    """

    options: ClassVar[dict[str, str]] = {}

    def __init__(self, want: Wanted) -> None:
        self._want = want
        self._layout: AudioLayout | None = None
        self._together = TOGETHER_SAMPLES
        self._has_layout = True
        self._inner = self._new()
        self._waiting = av.AudioFifo()

    def take(self, frame: AudioFrame) -> list[AudioFrame]:
        """Return the frames of the wanted length that this frame completes.

        Raises ``ValueError`` or FFmpeg's error for a frame that cannot be converted.
        """
        made: list[AudioFrame] = []
        if frame.layout != self._layout or not self._waits(frame):
            made = self.finish()
            self._begin(frame)
            if not self._waits(frame):
                raise ValueError("The frame cannot be converted.")
        while self._waiting.samples >= self._together:
            together = self._waiting.read(self._together)
            made += [] if together is None else self._convert(together)
        return made

    def finish(self) -> list[AudioFrame]:
        """Return the rest, of which the last frame may be shorter."""
        if self._layout is None:
            return []
        remainder = self._waiting.read()
        made = [] if remainder is None else self._convert(remainder)
        return made + self._inner.resample(None)

    def _begin(self, frame: AudioFrame) -> None:
        """Begin anew with frames of another kind."""
        layout = self._layout = frame.layout
        self._inner, self._waiting = self._new(), av.AudioFifo()
        self._has_layout = layout.nb_channels <= 2 or NO_LAYOUT not in layout.name
        self._together = self._samples_together(frame)

    def _waits(self, frame: AudioFrame) -> bool:
        """Let a frame wait for others; return False if their format or rate is another."""
        try:
            for part in (frame,) if self._has_layout else _mixed(frame):
                part.pts = None
                self._waiting.write(part)
        except ValueError:
            return False
        return True

    def _samples_together(self, frame: AudioFrame) -> int:
        """Return how many samples of frames like this one are converted together."""
        return TOGETHER_SAMPLES

    def _convert(self, frame: AudioFrame) -> list[AudioFrame]:
        """Return what the frames read together complete."""
        return self._inner.resample(frame)

    def _new(self) -> av.AudioResampler:
        return av.AudioResampler(
            format=self._want.format,
            layout=self._want.layout,
            rate=self._want.rate,
            frame_size=self._want.samples,
            options=self.options,
        )


def _mixed(frame: AudioFrame) -> Iterator[AudioFrame]:
    """Yield channels without a layout as two: those of even and of odd number."""
    # Packed, because of ``PYAV_PLANES``.
    packer = av.AudioResampler("flt", frame.layout, frame.sample_rate)
    for packed in packer.resample(frame):
        channels = packed.to_ndarray().reshape(-1, frame.layout.nb_channels)
        pair = np.stack([channels[:, 0::2].sum(axis=1), channels[:, 1::2].sum(axis=1)])
        pair *= np.float32(2 / frame.layout.nb_channels) ** np.float32(0.5)
        mixed = AudioFrame.from_ndarray(pair, format="fltp", layout="stereo")
        mixed.sample_rate = frame.sample_rate
        yield mixed


def silence_like(frame: AudioFrame, length_s: float) -> Iterator[AudioFrame]:
    """Yield silent frames in the format of ``frame``."""
    form, layout = frame.format.name, frame.layout.name
    if frame.layout.nb_channels > PYAV_PLANES:
        form, layout = "fltp", "stereo"
    remaining = round(length_s * frame.sample_rate)
    # Unsigned 8-bit audio is silent at its middle value.
    middle = 0x80 if form.startswith("u8") else 0
    while remaining > 0:
        part = min(remaining, frame.sample_rate)
        silent = AudioFrame(format=form, layout=layout, samples=part)
        silent.sample_rate = frame.sample_rate
        for plane in silent.planes:
            plane.update(bytes([middle]) * plane.buffer_size)
        yield silent
        remaining -= part


def paced(frame: AudioFrame, by_s: float) -> Iterator[AudioFrame]:
    """Yield a frame whose last seconds are heard twice, or left out if negative."""
    count = min(round(abs(by_s) * frame.sample_rate), frame.samples)
    frame.pts = None
    samples = av.AudioFifo()
    samples.write(frame)
    if by_s > 0:
        yield frame
    # To read no samples is to read all.
    first = samples.read(frame.samples - count) if count < frame.samples else None
    part = samples.read(count) if by_s > 0 else first
    if part is not None:
        yield part
