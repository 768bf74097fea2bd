"""Short-time spectrum on a logarithmic frequency axis, as a stream.

On this axis a pitch shift is a translation and a tempo change a stretch in time, which
keeps the later stages cheap.

Up to the levels, the arrays here have a row for each sample or bin and a column for
each frame, because the processor then computes many frames at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled_fastmath
from recognition.params import DEFAULT, Params

FilterBank = tuple[
    int,
    NDArray[np.int32],
    NDArray[np.float32],
    NDArray[np.int32],
    NDArray[np.int32],
    NDArray[np.float32],
]

# Frames per transform: fixed, so that results do not depend on block sizes, and so few
# that the arrays stay in the processor's cache.
_BATCH = 96
PHASE_STEPS = 256  # of a turn
_TINY = 1e-18  # inaudible power that keeps the logarithm finite


class SpectrumStream:
    """Turns float32 mono blocks of any size into levels [frames, n_bins].

    Levels are natural logarithms of magnitude; 0 is a full-scale sine. Frame ``t`` is
    centred on sample ``t * hop_length``. ``phases_at`` answers for the frames since the
    last ``forget``.
    """

    def __init__(self, params: Params = DEFAULT) -> None:
        self._params = params
        n = np.arange(params.n_fft)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / params.n_fft)
        self._window: NDArray[np.float32] = (hann * 2 / hann.sum()).astype(np.float32)
        self._bank = _filter_bank(params)
        self._rest = np.zeros(params.n_fft // 2, dtype=np.float32)
        self._done = 0
        # The spectra [frequencies, frames] that phases may be asked of, with first frames.
        self._spectra: list[tuple[int, NDArray[np.complex64]]] = []

    def phases_at(self, frames: NDArray[np.int32], bins: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the phases in the middle of ``frames``, sorted, in 256ths of a turn."""
        rows = np.rint(linear_of(bins, self._params)).astype(np.int64)
        parts = [np.zeros(0, dtype=np.complex64)]
        for first, spectrum in self._spectra:
            bounds = np.array([first, first + spectrum.shape[1]], dtype=np.int32)
            part = slice(*np.searchsorted(frames, bounds).tolist())
            parts.append(spectrum[rows[part], frames[part] - first])
        turns = np.angle(np.concatenate(parts)) / (2 * np.pi)
        # The transform counts from the frame's begin, half its length before the middle.
        turns += (rows % 2) / 2
        return np.rint(turns * PHASE_STEPS).astype(np.int64).astype(np.uint8)

    def forget(self, frame: int) -> None:
        """Forget what lies before a frame."""
        self._spectra = [
            (first, one) for first, one in self._spectra if first + one.shape[1] > frame
        ]

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the levels of the frames that this block completes."""
        self._rest = np.concatenate([self._rest, block.astype(np.float32, copy=False)])
        return self._drain(final=False)

    def finish(self) -> NDArray[np.float32]:
        """Return the levels of the remaining frames, padded with silence."""
        padding = np.zeros(self._params.n_fft // 2, dtype=np.float32)
        self._rest = np.concatenate([self._rest, padding])
        return self._drain(final=True)

    def _drain(self, *, final: bool) -> NDArray[np.float32]:
        hop, n_fft = self._params.hop_length, self._params.n_fft
        ready = max(0, (len(self._rest) - n_fft) // hop + 1)
        batches = []
        done = 0
        while ready - done >= _BATCH or (final and done < ready):
            count = min(_BATCH, ready - done)
            batches.append(self._transform(done * hop, count))
            done += count
        self._rest = self._rest[done * hop :].copy()
        if not batches:
            return np.zeros((0, self._params.n_bins), dtype=np.float32)
        return np.concatenate(batches)

    def _transform(self, start: int, count: int) -> NDArray[np.float32]:
        from recognition.fingerprints.transform import rfft  # most processes transform nothing

        hop, n_fft = self._params.hop_length, self._params.n_fft
        samples = self._rest[start : start + (count - 1) * hop + n_fft]
        windowed = np.empty((n_fft, count), dtype=np.float32)
        _cut(samples, self._window, hop, windowed)
        spectrum = rfft(windowed, axis=0)
        self._spectra.append((self._done, spectrum))
        self._done += count
        powers = _powers(spectrum.view(np.float32), self._bank)
        # NumPy vectorises logarithms; Numba would compute them one at a time.
        levels = np.empty((self._params.n_bins, count), dtype=np.float32)
        _log_frequency(np.log(powers, out=powers), self._bank, levels)
        return levels.T.copy()


def linear_of(bins: NDArray[np.float32], params: Params) -> NDArray[np.float64]:
    """Return where bins lie on the axis of the transform."""
    hertz = params.f_min * 2 ** (bins.astype(np.float64) / params.bins_per_octave)
    linear: NDArray[np.float64] = hertz * params.n_fft / params.sample_rate
    return linear


def levels_of(y: NDArray[np.float32], params: Params = DEFAULT) -> NDArray[np.float32]:
    """Return the levels [frames, n_bins] of a whole array of mono samples."""
    stream = SpectrumStream(params)
    return np.concatenate([stream.feed(y), stream.finish()])


def _filter_bank(params: Params) -> FilterBank:
    """Return how the linear bins combine into the logarithmic ones.

    Where the axis is finer than the transform, levels are interpolated: cubic, in the
    log domain, where a Hann main lobe is nearly a parabola, so that peaks keep their
    true place. Above, power is summed under triangles of unit height.
    """
    octaves = np.arange(params.n_bins) / params.bins_per_octave
    centres = params.f_min * 2**octaves * params.n_fft / params.sample_rate
    widths = centres * (2 ** (1 / params.bins_per_octave) - 1)
    n_interpolated = int(np.searchsorted(widths, 1.3))
    nodes = np.floor(centres[:n_interpolated]).astype(np.int32)
    cubic = _cubic_weights(centres[:n_interpolated] - nodes)
    firsts = np.ceil(centres - widths).astype(np.int32)[n_interpolated:]
    lasts = np.floor(centres + widths).astype(np.int32)[n_interpolated:]
    starts = np.zeros(len(firsts) + 1, dtype=np.int32)
    starts[1:] = np.cumsum(lasts - firsts + 1)
    triangles = np.concatenate(
        [
            1 - np.abs(np.arange(first, last + 1) - centre) / width
            for first, last, centre, width in zip(
                firsts, lasts, centres[n_interpolated:], widths[n_interpolated:], strict=True
            )
        ]
    ).astype(np.float32)
    return n_interpolated, nodes, cubic, firsts, starts, triangles


def _cubic_weights(x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the Lagrange weights of nodes -1, 0, 1, 2 for positions 0 ≤ x < 1."""
    return np.stack(
        [
            -x * (x - 1) * (x - 2) / 6,
            (x + 1) * (x - 1) * (x - 2) / 2,
            -(x + 1) * x * (x - 2) / 2,
            (x + 1) * x * (x - 1) / 6,
        ],
        axis=1,
    ).astype(np.float32)


@compiled_fastmath
def _cut(
    samples: NDArray[np.float32],
    window: NDArray[np.float32],
    hop: int,
    windowed: NDArray[np.float32],
) -> None:
    """Fill ``windowed`` [n_fft, frames] with the frames of ``samples``, windowed.

    Hops of samples are turned into columns first; each frame is a few of these.
    """
    n_fft, count = windowed.shape
    hops_per_frame = n_fft // hop
    hops = np.empty((hop, count + hops_per_frame - 1), dtype=np.float32)
    for t in range(hops.shape[1]):
        column = samples[t * hop : (t + 1) * hop]
        for i in range(hop):
            hops[i, t] = column[i]
    for k in range(hops_per_frame):
        for i in range(hop):
            source, row = hops[i, k : k + count], windowed[k * hop + i]
            weight = window[k * hop + i]
            for t in range(count):
                row[t] = source[t] * weight


@compiled_fastmath
def _powers(spectrum: NDArray[np.float32], bank: FilterBank) -> NDArray[np.float32]:
    """Return the power of the bins to interpolate between, then of the triangles.

    ``spectrum`` has the real part and the imaginary part of each frame side by side.
    """
    n_interpolated, nodes, _, firsts, starts, triangles = bank
    count = spectrum.shape[1] // 2
    n_linear = nodes[n_interpolated - 1] + 3
    last = firsts[-1] + starts[-1] - starts[-2]
    power = np.empty((last, count), dtype=np.float32)
    for k in range(last):
        parts, row = spectrum[k], power[k]
        for t in range(count):
            real, imaginary = parts[2 * t], parts[2 * t + 1]
            row[t] = real * real + imaginary * imaginary + np.float32(_TINY)
    powers = np.zeros((n_linear + len(firsts), count), dtype=np.float32)
    for b in range(n_linear):
        for t in range(count):
            powers[b, t] = power[b, t]
    for b in range(len(firsts)):
        total = powers[n_linear + b]
        for j in range(starts[b], starts[b + 1]):
            row = power[firsts[b] + j - starts[b]]
            weight = triangles[j]
            for t in range(count):
                total[t] += weight * row[t]
    return powers


@compiled_fastmath
def _log_frequency(
    logs: NDArray[np.float32], bank: FilterBank, levels: NDArray[np.float32]
) -> None:
    n_interpolated, nodes, cubic, firsts, _, _ = bank
    n_linear, half = len(logs) - len(firsts), np.float32(0.5)
    for b in range(n_interpolated):
        node = nodes[b]
        lowest, low, high, highest = (logs[node - 1], logs[node], logs[node + 1], logs[node + 2])
        weights, level = cubic[b] * half, levels[b]
        for t in range(len(level)):
            level[t] = (
                weights[0] * lowest[t]
                + weights[1] * low[t]
                + weights[2] * high[t]
                + weights[3] * highest[t]
            )
    for b in range(len(firsts)):
        level, log = levels[n_interpolated + b], logs[n_linear + b]
        for t in range(len(level)):
            level[t] = half * log[t]
