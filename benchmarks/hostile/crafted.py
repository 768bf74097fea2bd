"""Fingerprint files that no engine makes: each breaks one rule, or bends all of them."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from recognition.fingerprints.file_format import DENSE, HEAD, LAYER, LEVEL_MAP, MAGIC, REFERENCE
from recognition.params import DEFAULT

HALF_HOUR_MS: Final = 30 * 60_000
TWO_DAYS_MS: Final = 48 * 3_600_000
COLUMNS: Final = -(-DEFAULT.n_bins // DEFAULT.map_bins)
_ROW_MS: Final = 64


@dataclass(frozen=True)
class CraftedLayer:
    """A layer before it is packed; the sizes are those of ``raw`` unless set."""

    kind: int
    count: int
    raw: bytes
    shape: tuple[int, int, int] = (0, 0, 0)


def packed(
    layers: list[CraftedLayer], duration_ms: int, params: str = DEFAULT.shape_hash()
) -> bytes:
    """Return a file with a right checksum."""
    stored = [zlib.compress(layer.raw, 9) for layer in layers]
    head = HEAD.pack(MAGIC, 1, len(layers), duration_ms, params.encode())
    entries = b"".join(
        LAYER.pack(layer.kind, *layer.shape, layer.count, len(layer.raw), len(data))
        for layer, data in zip(layers, stored, strict=True)
    )
    return with_checksum(head + entries + b"".join(stored))


def unpacked(data: bytes) -> tuple[list[CraftedLayer], int]:
    """Return the layers and the duration of a sound file."""
    _, _, count, duration_ms, _ = HEAD.unpack_from(data)
    at = HEAD.size + LAYER.size * count
    layers = []
    for number in range(count):
        entry = LAYER.unpack_from(data, HEAD.size + LAYER.size * number)
        kind, *shape, landmarks, _, stored = entry
        raw = zlib.decompress(data[at : at + stored])
        at += stored
        layers.append(CraftedLayer(kind, landmarks, raw, tuple(shape)))
    return layers, duration_ms


def with_checksum(body: bytes) -> bytes:
    """Return a file's body with its checksum."""
    return body + struct.pack("<I", zlib.crc32(body))


def landmarks(steps: bytes, kind: int = DENSE, bins: bytes | None = None) -> CraftedLayer:
    """Return landmarks of equal level, each so many frames (below 128) after the last."""
    n = len(steps)
    return CraftedLayer(
        kind, n, steps + (bins or bytes([100]) * n) + bytes(n) + b"\x1c" * n + bytes(n)
    )


def level_map(duration_ms: int, value: int = 180) -> CraftedLayer:
    """Return a map of one level."""
    rows = duration_ms // _ROW_MS
    first = bytes([value]) + bytes(COLUMNS * rows - 1)
    return CraftedLayer(LEVEL_MAP, rows, first, (DEFAULT.map_frames, DEFAULT.map_bins, COLUMNS))


@cache
def in_one_frame(count: int, duration_ms: int = HALF_HOUR_MS) -> bytes:
    """Return landmarks that all lie in the first frame."""
    both = landmarks(bytes(count)), replace(landmarks(bytes(count)), kind=REFERENCE)
    return packed([*both, level_map(duration_ms)], duration_ms)


@cache
def bomb(duration_ms: int) -> bytes:
    """Return as many landmarks and cells as the heads may announce."""
    seconds = duration_ms // 1000
    return packed(
        [
            landmarks(bytes(70 * seconds), REFERENCE),
            landmarks(bytes(240 * seconds)),
            level_map(duration_ms),
        ],
        duration_ms,
    )


def as_dense_as_allowed(duration_ms: int, seed: int = 1) -> bytes:
    """Return a file that breaks no rule, and costs as much as one can."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    steps = bytearray()
    # 240 a second, all as loud, so that each has rank 0.
    for frame in range(duration_ms // 16 - 64):
        together = 3 if frame % 5 == 0 else 4
        steps += bytes([min(1, len(steps))]) + bytes(together - 1)
    bins = bytes(rng.randrange(1, 226) for _ in steps)
    return packed([landmarks(bytes(steps), DENSE, bins), level_map(duration_ms)], duration_ms)


def same_hash(duration_ms: int) -> bytes:
    """Return landmarks whose triplets all have few hashes: a comb in one bin."""
    frames = duration_ms // 16 - 64
    steps = bytes([0]) + bytes([4]) * (frames // 4 - 1)
    return packed(
        [landmarks(steps, REFERENCE), landmarks(steps), level_map(duration_ms)], duration_ms
    )


FIXED: Final[dict[str, Callable[[], bytes]]] = {
    "1,500 landmarks in one frame": lambda: in_one_frame(1_500),
    "600,000 landmarks in one frame": lambda: in_one_frame(600_000, TWO_DAYS_MS),
    "a bomb of two days": lambda: bomb(TWO_DAYS_MS),
    "a bomb of half an hour": lambda: bomb(HALF_HOUR_MS),
    "a bomb in half a second": lambda: packed([landmarks(bytes(480))], 500),
    "no landmarks in two days": lambda: packed(
        [CraftedLayer(DENSE, 0, b""), level_map(64)], TWO_DAYS_MS
    ),
    "landmarks beyond the map": lambda: packed(
        [landmarks(bytes([100]) * 6), level_map(640)], 10_000
    ),
    "a bin beyond the axis": lambda: packed(
        [landmarks(b"\x05" * 9, DENSE, b"\xff" * 9), level_map(10_000)], 10_000
    ),
    "cells of another size": lambda: packed(
        [landmarks(b"\x05" * 9), replace(level_map(10_000), shape=(255, 1, COLUMNS))], 10_000
    ),
    "a comb": lambda: same_hash(60_000),
    "as dense as allowed": lambda: as_dense_as_allowed(10_000),
    "no layers": lambda: packed([], 10_000),
    "one layer twice": lambda: packed([landmarks(b"\x05")] * 2, 10_000),
}
"""Makes each file that needs no randomness, by name; the bombs take a second."""


def mutated_print(sound: bytes, rng: random.Random) -> bytes:
    """Return a real file broken so that its checksum is right, most of the time."""
    layers, duration_ms = unpacked(sound)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: sound[: rng.randrange(len(sound))],
        lambda: sound[:-4] + rng.randbytes(4),
        lambda: with_checksum(_spoilt(sound[:-4], rng, 8, 84)),
        lambda: with_checksum(_spoilt(sound[:-4], rng, 84, len(sound) - 4)),
        lambda: packed(rng.sample(layers, len(layers)), duration_ms),
        lambda: packed(
            [replace(layer, raw=_spoilt(layer.raw, rng, 0, len(layer.raw))) for layer in layers],
            rng.choice((duration_ms, 0, 1_000, TWO_DAYS_MS)),
        ),
        lambda: packed(
            [replace(layer, raw=_permuted(layer, rng)) for layer in layers], duration_ms
        ),
        lambda: packed(
            [replace(layer, count=rng.randrange(2 * layer.count + 2)) for layer in layers],
            duration_ms,
        ),
    )
    return rng.choice(ways)()


def _spoilt(data: bytes, rng: random.Random, first: int, end: int) -> bytes:
    broken = bytearray(data)
    for _ in range(rng.randrange(1, 200)):
        broken[rng.randrange(first, end)] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
    return bytes(broken)


def _permuted(layer: CraftedLayer, rng: random.Random) -> bytes:
    """Return the planes of a layer in another order."""
    size = max(1, layer.count)
    planes = [layer.raw[at : at + size] for at in range(0, len(layer.raw), size)]
    if len(planes) > 100:
        return layer.raw[::-1]
    return b"".join(rng.sample(planes, len(planes)))
