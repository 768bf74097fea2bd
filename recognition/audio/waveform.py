"""The waveform shown to people: built block by block, stored in few bytes."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.types import Waveform

SAMPLE_RATE: Final = 8000
BASE_STEP_MS: Final = 50
BASE_STEP: Final = SAMPLE_RATE * BASE_STEP_MS // 1000
# 1.8 h in steps of 50 ms; longer files get coarser steps, so none exceeds 256 kB.
MAX_STEPS: Final = 1 << 17
SILENT_RMS: Final = 0.001  # -60 dB of full scale

_HEADER: Final = struct.Struct("<4sII")
_MAGIC: Final = b"ACW1"


class WaveformBuilder:
    """Peak and RMS of 50 ms steps, pooled in pairs as the file grows long."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, dtype=np.float32)
        # Rows of (peak, power): base steps waiting for a full pool, and pooled steps.
        self._waiting = _rows()
        self._pooled = [_rows()]
        self._count = 0
        self._pool = 1
        self._silent_steps = 0

    @property
    def silent_ms(self) -> int:
        """How much of the sound so far is silence."""
        return self._silent_steps * BASE_STEP_MS

    def feed(self, block: NDArray[np.float32]) -> None:
        """Add the next mono samples at 8 kHz."""
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // BASE_STEP * BASE_STEP
        self._rest = samples[whole:]
        self._take(samples[:whole].reshape(-1, BASE_STEP))
        while self._count > MAX_STEPS:
            # Twice as many base steps to a step from here on.
            rows = np.concatenate(self._pooled)
            even = len(rows) // 2 * 2
            odd = np.repeat(rows[even:], self._pool, axis=0)
            self._waiting = np.concatenate([odd, self._waiting])
            self._pooled = [_pool(rows[:even], 2)]
            self._count = even // 2
            self._pool *= 2

    def finish(self) -> Waveform:
        """Return the waveform of all samples."""
        if len(self._rest):
            self._take(self._rest[np.newaxis])
            self._rest = self._rest[:0]
        rows = np.concatenate(self._pooled)
        if len(self._waiting):
            rows = np.concatenate([rows, _pool(self._waiting, len(self._waiting))])
        return Waveform(
            step_ms=BASE_STEP_MS * self._pool,
            peaks=_to_byte(rows[:, 0]),
            rms=_to_byte(np.sqrt(rows[:, 1])),
        )

    def _take(self, steps: NDArray[np.float32]) -> None:
        if not len(steps):
            return
        rows = np.stack([np.abs(steps).max(axis=1), np.square(steps).mean(axis=1)], 1)
        self._silent_steps += int((rows[:, 1] < SILENT_RMS**2).sum())
        self._waiting = np.concatenate([self._waiting, rows])
        whole = len(self._waiting) // self._pool * self._pool
        self._pooled.append(_pool(self._waiting[:whole], self._pool))
        self._count += whole // self._pool
        self._waiting = self._waiting[whole:]


def to_bytes(waveform: Waveform) -> bytes:
    """Return the compact form for a database or file."""
    header = _HEADER.pack(_MAGIC, waveform.step_ms, len(waveform.peaks))
    planes = waveform.peaks.tobytes() + waveform.rms.tobytes()
    return header + zlib.compress(planes, 9)


def from_bytes(data: bytes) -> Waveform:
    """Parse the compact form; raise ``ValueError`` if it is not a waveform."""
    if len(data) < _HEADER.size:
        raise ValueError("not a stored waveform: too short")
    magic, step_ms, count = _HEADER.unpack_from(data)
    if magic != _MAGIC or not 0 < count <= MAX_STEPS + 1 or not step_ms:
        raise ValueError("not a stored waveform: unknown header")
    inflater = zlib.decompressobj()
    try:
        planes = inflater.decompress(data[_HEADER.size :], 2 * count + 1)
    except zlib.error as error:
        raise ValueError(f"not a stored waveform: {error}") from error
    if len(planes) != 2 * count or not inflater.eof:
        raise ValueError("not a stored waveform: wrong length")
    both = np.frombuffer(planes, dtype=np.uint8).reshape(2, count)
    return Waveform(step_ms=step_ms, peaks=both[0], rms=both[1])


def _rows() -> NDArray[np.float32]:
    return np.zeros((0, 2), dtype=np.float32)


def _pool(rows: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """Combine every ``by`` rows of (peak, power) into one."""
    groups = rows.reshape(-1, by, 2)
    return np.stack([groups[:, :, 0].max(axis=1), groups[:, :, 1].mean(axis=1)], axis=1)


def _to_byte(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
