"""Mix channels down to one, without losing sound whose channels are in opposite phase."""

from __future__ import annotations

from typing import ClassVar, Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from recognition.audio.convert import Converter, Wanted
from recognition.jit import compiled, compiled_fastmath

# If side (L − R) has this many times the power of mid (L + R), the channels are in
# opposite phase and their mean would cancel.
CANCELLING: Final = 4.0
PHASE_S: Final = 0.064
# Phases are told from the mean of so many samples as become one of this rate, because
# cymbals in phase may be louder than a voice that is not.
PHASE_RATE: Final = 8000
# So many of them, 1.3 s, decide together.
PHASE_NEAR: Final = 21
# Sound that is mixed together: phases are judged with what surrounds them.
TOGETHER_S: Final = 10.0
MAX_TOGETHER: Final = 1 << 22  # samples of all channels
CLIPPED_LEVEL: Final = 0.99
MAX_LEVEL: Final = 8.0
# Floats without their sign sort as the numbers of their bits.
_CLIPPED_BITS: Final = int(np.float32(CLIPPED_LEVEL).view(np.uint32))
_MAX_BITS: Final = int(np.float32(MAX_LEVEL).view(np.uint32))

Channel = NDArray[np.float32]


class MonoConverter(Converter):
    """Converts frames to mono of one rate, as planar float.

    Channels are mixed before they are resampled, as one takes half the time of two; as
    many seconds together as ``together_s``. ``clipped_s`` is how long the sound was at
    full scale.
    """

    # Half of the resampler's usual length: what it lets through lies above all landmarks.
    options: ClassVar = {"filter_size": "16"}

    def __init__(self, rate: int, together_s: float = TOGETHER_S) -> None:
        super().__init__(Wanted("fltp", "mono", rate, 0))
        self.clipped_s = 0.0
        self._together_s = together_s
        self._planar: av.AudioResampler | None = None

    def _samples_together(self, frame: AudioFrame) -> int:
        channels = frame.layout.nb_channels
        self._planar = av.AudioResampler("fltp", "mono" if channels == 1 else "stereo")
        return min(round(self._together_s * frame.sample_rate), MAX_TOGETHER // channels)

    def _convert(self, frame: AudioFrame) -> list[AudioFrame]:
        assert self._planar is not None  # noqa: S101  no frame was read before it
        made = []
        for planar in self._planar.resample(frame):
            mixed, clipped = mixed_down(planar)
            self.clipped_s += clipped / planar.sample_rate
            made += self._inner.resample(mixed)
        return made


def mixed_down(frame: AudioFrame) -> tuple[AudioFrame, int]:
    """Return a planar float frame of one or two channels as mono.

    Also returns how many of its samples are at full scale.
    """
    channels = [_samples_of(frame, number) for number in range(len(frame.planes))]
    highest, clipped = _peak(channels[0], channels[-1])
    if highest > _MAX_BITS:
        channels = [_limited(channel) for channel in channels]
    mixed = AudioFrame(format="fltp", layout="mono", samples=frame.samples)
    mixed.sample_rate = frame.sample_rate
    to_mono(channels[0], channels[-1], frame.sample_rate, _samples_of(mixed, 0))
    return mixed, clipped


def samples_of(frame: AudioFrame) -> Channel:
    """Return a copy of the samples of a planar float frame of one channel."""
    return _samples_of(frame, 0).copy()


def _samples_of(frame: AudioFrame, channel: int) -> Channel:
    """Return the samples themselves; they live as long as the frame."""
    return np.frombuffer(memoryview(frame.planes[channel]), np.float32, frame.samples)


def _limited(channel: Channel) -> Channel:
    whole = np.nan_to_num(channel, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(whole, -MAX_LEVEL, MAX_LEVEL)


def to_mono(left: Channel, right: Channel, rate: int, out: Channel) -> None:
    """Fill ``out`` with the mean of two channels, or the louder one where that cancels.

    Decided for each ``PHASE_S`` with its surroundings: a song in opposite phase may be
    short.
    """
    step = max(1, round(rate / PHASE_RATE))
    size = step * max(1, round(PHASE_S * rate / step))
    powers = np.empty((2, -(-len(left) // size)), dtype=np.float32)
    _mix(left, right, (size, step), out, powers)
    cancelling = _cancelling(*powers.astype(np.float64))
    if cancelling.any():
        where = np.repeat(cancelling, size)[: len(left)]
        is_left = np.dot(left[where], left[where]) >= np.dot(right[where], right[where])
        out[where] = (left if is_left else right)[where]


def _cancelling(mid: NDArray[np.float64], side: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which parts of ``PHASE_S`` lie in a stretch in opposite phase, by their power.

    A stretch is as long as the side is louder in each part, and clearly louder in
    ``PHASE_NEAR`` of them together.
    """
    is_side = side > mid
    if not is_side.any():
        return is_side
    near = np.ones(min(PHASE_NEAR, len(mid)))
    mid_near, side_near = (np.convolve(power, near, mode="same") for power in (mid, side))
    runs = np.cumsum(np.diff(is_side, prepend=False))
    clear = np.unique(runs[is_side & (side_near > CANCELLING * mid_near)])
    cancelling: NDArray[np.bool_] = is_side & np.isin(runs, clear)
    return cancelling


@compiled
def _peak(left: Channel, right: Channel) -> tuple[np.uint32, int]:
    """Return the bits of the highest level, and how many samples are at full scale.

    Numbers that are not finite have the highest bits.
    """
    one, other = left.view(np.uint32), right.view(np.uint32)
    unsigned, full = np.uint32(0x7FFFFFFF), np.uint32(_CLIPPED_BITS)
    highest, clipped = np.uint32(0), 0
    for i in range(len(one)):
        level = max(one[i] & unsigned, other[i] & unsigned)
        highest = max(highest, level)
        clipped += level >= full
    return highest, clipped


@compiled_fastmath
def _mix(
    left: Channel,
    right: Channel,
    sizes: tuple[int, int],
    out: Channel,
    powers: NDArray[np.float32],
) -> None:
    """Fill ``out`` with the mean, and ``powers`` with those of mid and side by part.

    ``sizes`` are those of a part, and of a step whose samples count as one.
    """
    size, step = sizes
    half, zero = np.float32(0.5), np.float32(0)
    for part in range(powers.shape[1]):
        begin, end = part * size, min(len(left), (part + 1) * size)
        one, other, mean = left[begin:end], right[begin:end], out[begin:end]
        for i in range(len(one)):
            mean[i] = (one[i] + other[i]) * half
        mid, side = zero, zero
        for first in range(0, len(one) - step + 1, step):
            of_mean, of_one = zero, zero
            for i in range(first, first + step):
                of_mean += mean[i]
                of_one += one[i]
            mid += of_mean * of_mean
            side += (of_one - of_mean) * (of_one - of_mean)
        powers[0, part], powers[1, part] = mid, side
