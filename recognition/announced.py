"""Read the length that a file announces in its own header.

FFmpeg derives the length of a WAV file from the file size and estimates that of MP3
from the first frames, so a truncated file would look complete.
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
"""Containers for which FFmpeg reports the length stated in the header."""

MP3_HEAD: Final = 1 << 16
# Placeholder of writers that did not know the length when they began (streams).
UNKNOWN_SIZE: Final = 0xFFFFFFFF
# A damaged file may hold endless tiny chunks; real files have a handful.
MAX_CHUNKS: Final = 100


def announced_ms(file: BinaryIO, container: str, declared_ms: int | None) -> int | None:
    """Return the announced length in milliseconds, or None if no header states it
    exactly.
    """
    if container in EXACT:
        return declared_ms
    if container == "wav":
        return _wav_ms(file)
    if container == "mp3" and _has_frame_count(file):
        return declared_ms
    return None


def _has_frame_count(file: BinaryIO) -> bool:
    # These tags of LAME and others count the frames of the whole file.
    head = _read_at(file, 0, MP3_HEAD)
    return b"Xing" in head or b"Info" in head


def _wav_ms(file: BinaryIO) -> int | None:
    """Return the length from the ``fmt`` and ``data`` chunks of a RIFF file."""
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
