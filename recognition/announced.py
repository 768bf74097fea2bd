"""The length that a file announces in its own header, where FFmpeg does not say.

FFmpeg takes the size of a WAV file for the size of its sound and estimates MP3 from
the first frames; a file that was cut off then looks whole.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final

EXACT: Final = frozenset(
    {
        "aiff",
        "asf",
        "avi",
        "caf",
        "flac",
        "matroska,webm",
        "mov,mp4,m4a,3gp,3g2,mj2",
        "tta",
        "w64",
        "wv",
    }
)
"""Containers whose stated length FFmpeg passes on."""

MP3_HEAD: Final = 1 << 16
# What a writer puts that does not know the length yet.
UNKNOWN_SIZE: Final = 0xFFFFFFFF
MAX_CHUNKS: Final = 100


def announced_ms(file: BinaryIO, container: str, declared_ms: int | None) -> int | None:
    """The length in milliseconds; None where nothing says it exactly."""
    if container in EXACT:
        return declared_ms
    if container == "wav":
        return _wav_ms(file)
    if container == "mp3" and _has_frame_count(file):
        return declared_ms
    return None


def _has_frame_count(file: BinaryIO) -> bool:
    head = _read_at(file, 0, MP3_HEAD)
    return b"Xing" in head or b"Info" in head


def _wav_ms(file: BinaryIO) -> int | None:
    """From the sizes of the ``fmt`` and ``data`` chunks of RIFF."""
    if _read_at(file, 0, 4) != b"RIFF":
        return None
    at, bytes_per_s = 12, 0
    for _ in range(MAX_CHUNKS):
        chunk = _read_at(file, at, 20)
        size = int.from_bytes(chunk[4:8], "little")
        if chunk[:4] == b"fmt ":
            bytes_per_s = int.from_bytes(chunk[16:20], "little")
        if chunk[:4] == b"data":
            known = bytes_per_s and 0 < size < UNKNOWN_SIZE
            return size * 1000 // bytes_per_s if known else None
        if len(chunk) < 8:
            return None
        at += 8 + size + size % 2
    return None


def _read_at(file: BinaryIO, at: int, size: int) -> bytes:
    here = file.tell()
    file.seek(at, io.SEEK_SET)
    data = file.read(size)
    file.seek(here)
    return data
