"""What people see and hear of a file: its waveform and its small rendition."""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from recognition import durable, spectrogram
from recognition.decode import DEFAULT_LIMITS, DecodeLimits
from recognition.durable import replacing
from recognition.errors import DecodeFailed
from recognition.isolation import client, wire
from recognition.isolation.open import open_media, wall_s
from recognition.isolation.wire import Kind
from recognition.types import Progress, Waveform

SAMPLE_RATE: Final = 8000
BASE_STEP_MS: Final = 50
BASE_STEP: Final = SAMPLE_RATE * BASE_STEP_MS // 1000
# 1.8 h in steps of 50 ms; longer files get coarser steps and stay below 256 kB.
MAX_STEPS: Final = 1 << 17
SILENT_RMS: Final = 0.001  # -60 dB of full scale

PROXY_MAX_BYTES_PER_MS: Final = 16
# Two channels of 32 bits at 192 kHz.
EXCERPT_MAX_BYTES_PER_MS: Final = 1600
ROOM: Final = 1 << 20

_HEADER: Final = struct.Struct("<4sII")
_MAGIC: Final = b"ACW1"


class WaveformBuilder:
    """Peak and RMS of steps of 50 ms, pooled by two as the file grows long."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, dtype=np.float32)
        # Rows of (peak, power): base steps that wait for a full pool, pooled steps.
        self._waiting = _rows()
        self._pooled = [_rows()]
        self._count = 0
        self._pool = 1
        self._silent_steps = 0

    @property
    def silent_ms(self) -> int:
        """How much of what was fed is silence."""
        return self._silent_steps * BASE_STEP_MS

    def feed(self, block: NDArray[np.float32]) -> None:
        """Take the next mono samples at 8 kHz."""
        samples = np.concatenate([self._rest, block])
        whole = len(samples) // BASE_STEP * BASE_STEP
        self._rest = samples[whole:]
        self._take(samples[:whole].reshape(-1, BASE_STEP))
        while self._count > MAX_STEPS:
            self._pool_by_two()

    def finish(self) -> Waveform:
        """The waveform of everything fed."""
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

    def _pool_by_two(self) -> None:
        rows = np.concatenate(self._pooled)
        even = len(rows) // 2 * 2
        odd = np.repeat(rows[even:], self._pool, axis=0)
        self._waiting = np.concatenate([odd, self._waiting])
        self._pooled = [_pool(rows[:even], 2)]
        self._count = even // 2
        self._pool *= 2


def write_proxy(
    path: Path,
    target: Path,
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> None:
    """Write the rendition that browsers play: Opus in WebM, 64 kbit/s (mono 32).

    Made in a limited child process; ``target`` appears whole or not at all. Raises
    what ``analyse_file`` raises.
    """
    most = limits.max_duration_ms * PROXY_MAX_BYTES_PER_MS
    _write(
        {"job": "proxy", "output_bytes": most + ROOM}, path, target, limits, progress
    )


def write_excerpts(
    path: Path,
    excerpts: Sequence[tuple[Path, int, int]],
    *,
    limits: DecodeLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> None:
    """Write stretches (target, start and end in ms) as FLAC, without loss, in one pass.

    Exact to the sample; of lossy formats it holds what they decode to, in 16 bits. Made
    like the proxy. A stretch where there is no sound has no file; ``DecodeFailed`` where
    none has any.
    """
    if not all(0 <= start < end for _, start, end in excerpts):
        raise ValueError("an excerpt begins before it ends")
    ordered = sorted(excerpts, key=lambda excerpt: excerpt[1])
    lengths: list[int] = []

    def take(kind: Kind, body: bytes) -> None:
        if kind is Kind.PROGRESS and progress is not None:
            progress(wire.share(body))
        elif kind is Kind.FACTS:
            lengths.extend(_lengths(body, len(ordered)))
        elif kind is not Kind.PROGRESS:
            raise DecodeFailed(f"The decoding process sent a stray {kind.name}.")

    total_ms = sum(end - start for _, start, end in ordered)
    request = {
        "job": "excerpts",
        "spans_ms": [(start, end) for _, start, end in ordered],
        "name": f"media{path.suffix}",
        "limits": asdict(limits),
        "output_bytes": total_ms * EXCERPT_MAX_BYTES_PER_MS + len(ordered) * ROOM,
    }
    folder = ordered[0][0].parent
    with open_media(path) as file, tempfile.TemporaryFile(dir=folder) as output:
        client.run(
            request,
            [file.fileno(), output.fileno()],
            wall_s=wall_s(limits),
            on_message=take,
        )
        if not any(lengths):
            raise DecodeFailed("There is no sound at that place.")
        output.seek(0)
        for (target, _, _), length in zip(ordered, lengths, strict=True):
            if length:
                durable.write(target, output.read(length))


def _lengths(body: bytes, count: int) -> list[int]:
    """What the child says it wrote; it is not trusted."""
    try:
        lengths = json.loads(body)
        fits = len(lengths) == count and all(
            type(each) is int and 0 <= each < 1 << 32 for each in lengths
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error
    if not fits:
        raise DecodeFailed("The decoding process misbehaved.")
    return list(lengths)


def read_spectrogram(
    path: Path, *, columns: int, limits: DecodeLimits = DEFAULT_LIMITS
) -> NDArray[np.uint8]:
    """Levels over pitch and time of a short file; see ``spectrogram.draw``.

    Made in a limited child process. Raises what ``analyse_file`` raises.
    """
    if not 0 < columns <= spectrogram.MAX_COLUMNS:
        raise ValueError("a spectrogram has between 1 and 2000 columns")
    received: list[NDArray[np.uint8]] = []

    def take(kind: Kind, body: bytes) -> None:
        if kind is not Kind.SPECTROGRAM or len(body) != spectrogram.ROWS * columns:
            raise DecodeFailed(f"The decoding process sent a stray {kind.name}.")
        levels = np.frombuffer(body, dtype=np.uint8)
        received.append(levels.reshape(spectrogram.ROWS, columns))

    request = {
        "job": "spectrogram",
        "columns": columns,
        "name": f"media{path.suffix}",
        "limits": asdict(limits),
        "output_bytes": 0,
    }
    with open_media(path) as file:
        client.run(request, [file.fileno()], wall_s=wall_s(limits), on_message=take)
    if not received:
        raise DecodeFailed("The decoding process left the spectrogram out.")
    return received[0]


def _write(
    request: dict[str, Any],
    path: Path,
    target: Path,
    limits: DecodeLimits,
    progress: Progress | None,
) -> None:
    """Have a child read ``path`` and write what takes the place of ``target``."""

    def take(kind: Kind, body: bytes) -> None:
        if kind is not Kind.PROGRESS:
            raise DecodeFailed(f"The decoding process sent a stray {kind.name}.")
        if progress is not None:
            progress(wire.share(body))

    given = {"name": f"media{path.suffix}", "limits": asdict(limits)}
    with open_media(path) as file, replacing(target) as output:
        client.run(
            request | given,
            [file.fileno(), output],
            wall_s=wall_s(limits),
            on_message=take,
        )


def waveform_to_bytes(waveform: Waveform) -> bytes:
    """The compact form that a database or file keeps."""
    header = _HEADER.pack(_MAGIC, waveform.step_ms, len(waveform.peaks))
    planes = waveform.peaks.tobytes() + waveform.rms.tobytes()
    return header + zlib.compress(planes, 9)


def waveform_from_bytes(data: bytes) -> Waveform:
    """The other way; ``ValueError`` where the bytes are no waveform."""
    if len(data) < _HEADER.size:
        raise ValueError("no stored waveform: too short")
    magic, step_ms, count = _HEADER.unpack_from(data)
    if magic != _MAGIC or not 0 < count <= MAX_STEPS + 1 or not step_ms:
        raise ValueError("no stored waveform: unknown header")
    inflater = zlib.decompressobj()
    try:
        planes = inflater.decompress(data[_HEADER.size :], 2 * count + 1)
    except zlib.error as error:
        raise ValueError(f"no stored waveform: {error}") from error
    if len(planes) != 2 * count or not inflater.eof:
        raise ValueError("no stored waveform: wrong length")
    both = np.frombuffer(planes, dtype=np.uint8).reshape(2, count)
    return Waveform(step_ms=step_ms, peaks=both[0], rms=both[1])


def _rows() -> NDArray[np.float32]:
    return np.zeros((0, 2), dtype=np.float32)


def _pool(rows: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """Every ``by`` rows of (peak, power) as one."""
    groups = rows.reshape(-1, by, 2)
    return np.stack([groups[:, :, 0].max(axis=1), groups[:, :, 1].mean(axis=1)], axis=1)


def _to_byte(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
