"""What is made of a stored file for eyes and ears: rendition, excerpts, spectrogram.

The caller's side: the limited child process reads the file and encodes.
"""

from __future__ import annotations

import json
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
from recognition.isolation.open import open_media, wall_s
from recognition.isolation.wire import Kind
from recognition.limits import (
    DEFAULT_LIMITS,
    SPECTROGRAM_COLUMNS,
    SPECTROGRAM_ROWS,
    DecodeLimits,
)
from recognition.types import Progress

PROXY_MAX_BYTES_PER_MS: Final = 16
# Two channels of 32 bits at 192 kHz.
EXCERPT_MAX_BYTES_PER_MS: Final = 1600
ROOM: Final = 1 << 20


def write_proxy(
    path: Path, target: Path, *, limits: DecodeLimits = DEFAULT_LIMITS
) -> None:
    """Write the rendition that browsers play: Opus in WebM, 64 kbit/s (mono 32).

    Made in a limited child process; ``target`` appears whole or not at all. Raises
    what ``analyse_file`` raises.
    """

    def take(kind: Kind, _body: bytes) -> None:
        if kind is not Kind.PROGRESS:
            raise DecodeFailed(f"The decoding process sent a stray {kind.name}.")

    request = {
        "job": "proxy",
        "name": f"media{path.suffix}",
        "limits": asdict(limits),
        "output_bytes": limits.max_duration_ms * PROXY_MAX_BYTES_PER_MS + ROOM,
    }
    with open_media(path) as file, durable.replacing(target) as output:
        client.run(
            request,
            [file.fileno(), output],
            wall_s=wall_s(limits),
            on_message=take,
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
    if not 0 < columns <= SPECTROGRAM_COLUMNS:
        raise ValueError("a spectrogram has between 1 and 2000 columns")
    received: list[NDArray[np.uint8]] = []

    def take(kind: Kind, body: bytes) -> None:
        if kind is not Kind.SPECTROGRAM or len(body) != SPECTROGRAM_ROWS * columns:
            raise DecodeFailed(f"The decoding process sent a stray {kind.name}.")
        levels = np.frombuffer(body, dtype=np.uint8)
        received.append(levels.reshape(SPECTROGRAM_ROWS, columns))

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
