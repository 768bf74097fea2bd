"""Derive playable and visual files: rendition, excerpts, spectrogram.

The caller's side; the confined child process reads the file and encodes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition import durable
from recognition.errors import DecodeFailed
from recognition.isolation import client, wire
from recognition.isolation.wire import MessageKind
from recognition.limits import (
    DEFAULT_LIMITS,
    SPECTROGRAM_COLUMNS,
    SPECTROGRAM_ROWS,
    DecodeLimits,
    limits_for,
)
from recognition.types import Progress

# Upper bounds on the child's output, well above the encoders' output.
PROXY_MAX_BYTES_PER_MS: Final = 16
# Two channels of 32 bits at 192 kHz.
EXCERPT_MAX_BYTES_PER_MS: Final = 1600
# Allowance for containers and headers.
ROOM: Final = 1 << 20


def write_proxy(
    path: Path, target: Path, *, track: int | None = None, limits: DecodeLimits = DEFAULT_LIMITS
) -> None:
    """Write the rendition that browsers play: Opus in WebM, 32 kbit/s per channel.

    ``track`` is the number of a sound track; None for the main one.

    A confined child process makes it, and ``target`` appears complete or not at all.
    Raises the exceptions of ``analyse_file``.
    """

    def take(kind: MessageKind, _body: bytes) -> None:
        if kind is not MessageKind.PROGRESS:
            raise DecodeFailed(f"The decoding process sent an unexpected {kind.name}.")

    limits = limits_for(path, limits)
    request = {
        "job": "proxy",
        "track": track,
        "name": f"media{path.suffix}",
        "limits": asdict(limits),
        "output_bytes": limits.max_duration_ms * PROXY_MAX_BYTES_PER_MS + ROOM,
    }
    with client.open_media(path) as file, durable.replacing(target) as output:
        client.run(request, [file.fileno(), output], wall_s=client.wall_s(limits), on_message=take)


def write_excerpts(
    path: Path,
    excerpts: Sequence[tuple[Path, int, int]],
    *,
    track: int | None = None,
    limits: DecodeLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> None:
    """Write intervals (target, start and end in ms) as FLAC, in one pass, without loss.

    ``track`` is the number of a sound track; None for the main one.

    Exact to the sample; lossy formats give what they decode to, in 16 bits. An interval
    without sound gets no file; raises ``DecodeFailed`` if none has sound, and else the
    exceptions of ``analyse_file``.
    """
    if not all(0 <= start < end for _, start, end in excerpts):
        raise ValueError("an excerpt must begin at 0 or later and end after it begins")
    ordered = sorted(excerpts, key=lambda excerpt: excerpt[1])
    lengths: list[int] = []

    def take(kind: MessageKind, body: bytes) -> None:
        if kind is MessageKind.PROGRESS and progress is not None:
            progress(wire.share(body))
        elif kind is MessageKind.FACTS:
            lengths.extend(_lengths(body, len(ordered)))
        elif kind is not MessageKind.PROGRESS:
            raise DecodeFailed(f"The decoding process sent an unexpected {kind.name}.")

    total_ms = sum(end - start for _, start, end in ordered)
    limits = limits_for(path, limits)
    request = {
        "job": "excerpts",
        "intervals_ms": [(start, end) for _, start, end in ordered],
        "track": track,
        "name": f"media{path.suffix}",
        "limits": asdict(limits),
        "output_bytes": total_ms * EXCERPT_MAX_BYTES_PER_MS + len(ordered) * ROOM,
    }
    folder = ordered[0][0].parent
    with client.open_media(path) as file, tempfile.TemporaryFile(dir=folder) as output:
        client.run(
            request, [file.fileno(), output.fileno()], wall_s=client.wall_s(limits), on_message=take
        )
        if not any(lengths):
            raise DecodeFailed("The file has no sound in this interval.")
        output.seek(0)
        for (target, _, _), length in zip(ordered, lengths, strict=True):
            if length:
                durable.write(target, output.read(length))


def write_assembled(
    parts: Sequence[tuple[Path, int]],
    target: Path,
    *,
    duration_ms: int,
    limits: DecodeLimits = DEFAULT_LIMITS,
) -> list[tuple[int, int]]:
    """Write parts, each at its time in ms, as one Opus file; silence lies between them.

    Returns the times in ms that have sound. Raises ``DecodeFailed`` if none has.
    """
    ordered = sorted(parts, key=lambda part: part[1])
    times: list[tuple[int, int]] = []

    def take(kind: MessageKind, body: bytes) -> None:
        if kind is MessageKind.FACTS:
            times.extend(_kept_times(body, len(ordered), duration_ms))
        elif kind is not MessageKind.PROGRESS:
            raise DecodeFailed(f"The decoding process sent an unexpected {kind.name}.")

    request = {
        "job": "assemble",
        "parts": [(path.suffix, path.stat().st_size, at) for path, at in ordered],
        "duration_ms": duration_ms,
        "limits": asdict(limits),
        "output_bytes": duration_ms * PROXY_MAX_BYTES_PER_MS * 2 + ROOM,
    }
    with tempfile.TemporaryFile(dir=target.parent) as together, durable.replacing(target) as output:
        for path, _ in ordered:
            with path.open("rb") as part:
                shutil.copyfileobj(part, together)
        together.seek(0)
        client.run(
            request, [together.fileno(), output], wall_s=client.wall_s(limits), on_message=take
        )
        if not times:
            raise DecodeFailed("None of the parts has sound.")
    return times


def _kept_times(body: bytes, most: int, duration_ms: int) -> list[tuple[int, int]]:
    """Check the times that the child says it wrote; the child is not trusted."""
    try:
        times = [(int(start), int(end)) for start, end in json.loads(body)]
    except (ValueError, TypeError, RecursionError) as error:
        raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error
    if len(times) > most or not all(0 <= a <= b <= duration_ms + 1 for a, b in times):
        raise DecodeFailed("The decoding process misbehaved.")
    return times


def _lengths(body: bytes, count: int) -> list[int]:
    """Check the lengths that the child says it wrote; the child is not trusted."""
    try:
        lengths = json.loads(body)
        fits = len(lengths) == count and all(
            type(length) is int and 0 <= length < 1 << 32 for length in lengths
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error
    if not fits:
        raise DecodeFailed("The decoding process misbehaved.")
    return list(lengths)


def read_spectrogram(
    path: Path, *, columns: int, limits: DecodeLimits = DEFAULT_LIMITS
) -> NDArray[np.uint8]:
    """Return levels over pitch and time of a short file; see ``spectrogram.draw``.

    A confined child process makes it. Raises the exceptions of ``analyse_file``.
    """
    if not 0 < columns <= SPECTROGRAM_COLUMNS:
        raise ValueError("a spectrogram has between 1 and 2000 columns")
    received: list[NDArray[np.uint8]] = []

    def take(kind: MessageKind, body: bytes) -> None:
        if kind is not MessageKind.SPECTROGRAM or len(body) != SPECTROGRAM_ROWS * columns:
            raise DecodeFailed(f"The decoding process sent an unexpected {kind.name}.")
        levels = np.frombuffer(body, dtype=np.uint8)
        received.append(levels.reshape(SPECTROGRAM_ROWS, columns))

    limits = limits_for(path, limits)
    request = {
        "job": "spectrogram",
        "columns": columns,
        "name": f"media{path.suffix}",
        "limits": asdict(limits),
        "output_bytes": 0,
    }
    with client.open_media(path) as file:
        client.run(request, [file.fileno()], wall_s=client.wall_s(limits), on_message=take)
    if not received:
        raise DecodeFailed("The decoding process sent no spectrogram.")
    return received[0]
