"""Encode and decode arrays of unsigned LEB128 numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled

MAX_LENGTH = 5


def encode(values: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Encode each value as 1–5 bytes of 7 bits, lowest first; the high bit means
    "more".
    """
    size = _encoded_size(values)
    data = np.empty(size, dtype=np.uint8)
    _encode(values, data)
    return data


def decode(data: NDArray[np.uint8], count: int) -> NDArray[np.uint32]:
    """Decode exactly ``count`` values; raise ``ValueError`` if the bytes do not fit."""
    values = np.empty(count, dtype=np.uint32)
    if not _decode(data, values):
        raise ValueError("the bytes do not hold the announced count")
    return values


@compiled
def _encoded_size(values: NDArray[np.uint32]) -> int:
    size = 0
    for value in values:
        size += 1
        remaining = value >> 7
        while remaining:
            size += 1
            remaining >>= 7
    return size


@compiled
def _encode(values: NDArray[np.uint32], data: NDArray[np.uint8]) -> None:
    at = 0
    for value in values:
        remaining = value
        while remaining >= 128:
            data[at] = (remaining & 127) | 128
            remaining >>= 7
            at += 1
        data[at] = remaining
        at += 1


@compiled
def _decode(data: NDArray[np.uint8], values: NDArray[np.uint32]) -> bool:
    at = 0
    for i in range(len(values)):
        value = np.uint64(0)
        length = 0
        while True:
            if at == len(data) or length == MAX_LENGTH:
                return False
            byte = data[at]
            value |= np.uint64(byte & 127) << np.uint64(7 * length)
            at += 1
            length += 1
            if byte < 128:
                break
        if value > 0xFFFFFFFF:
            return False
        values[i] = value
    return at == len(data)
