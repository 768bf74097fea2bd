"""Containers of media: which may be opened, and the length that a header announces.

All that contain their own sound may be opened. Excluded are formats that refer to other
files or addresses, address devices, hold only pictures or text, or are recognised by
their name alone.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final

import av
from av.format import ContainerFormat

REFUSED: Final = frozenset(
    {
        # open other files or addresses
        "concat", "concatf", "dash", "hls", "imf", "rtp", "rtsp", "sap", "sdp",
        "smoothstreaming", "tedcaptions", "webm_dash_manifest", "vobsub", "bluray",
        "image2", "image2pipe", "alias_pix", "brender_pix", "ffmetadata",
        # devices and generators
        "alsa", "dshow", "fbdev", "iec61883", "jack", "kmsgrab", "lavfi", "oss",
        "pulse", "sndio", "v4l2", "video4linux2,v4l2", "x11grab", "xcbgrab",
        "avfoundation", "android_camera", "gdigrab", "vfwcap", "decklink", "openal",
        "libcdio", "libdc1394",
    }
)  # fmt: skip


def _readable() -> list[str]:
    names = []
    for name in sorted(av.formats_available):
        if name in REFUSED or name.endswith("_pipe"):
            continue
        try:
            ContainerFormat(name, "r")
        except ValueError:
            continue
        names.append(name)
    return names


FORMATS: Final = ",".join(_readable())
"""The allowed demuxers, in the form of FFmpeg's ``format_whitelist``."""

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
OGG_PAGE: Final = b"OggS"
VORBIS_BEGINS: Final = b"\x01vorbis"
# Headers with a picture take up to twenty pages.
MAX_HEADER_PAGES: Final = 100


def announced_ms(file: BinaryIO, container: str, declared_ms: int | None) -> int | None:
    """Return the announced length in milliseconds, or None if no header states it
    exactly.

    FFmpeg derives the length of a WAV file from the file size and estimates that of MP3
    from the first frames, so a truncated file would look complete.
    """
    if container in EXACT:
        return declared_ms
    if container == "wav":
        return _wav_ms(file)
    if container == "mp3":
        # These tags of LAME and others count the frames of the whole file.
        head = _read_at(file, 0, MP3_HEAD)
        return declared_ms if b"Xing" in head or b"Info" in head else None
    return None


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


def repeated_headers(file: BinaryIO) -> int | None:
    """Return where an Ogg page repeats the Vorbis headers of its stream, or None.

    Some tools that cut files write the headers twice. Other players skip the second
    ones, but FFmpeg refuses the file if they follow the first ones at once.
    """
    at = 0
    for _ in range(MAX_HEADER_PAGES):
        head = _read_at(file, at, 27 + 255)
        if len(head) < 27 or head[:4] != OGG_PAGE:
            return None
        sizes = head[27 : 27 + head[26]]
        body = at + 27 + len(sizes)
        begins_stream = head[5] & 2
        if not begins_stream and _read_at(file, body, 7) == VORBIS_BEGINS:
            return at
        at = body + sum(sizes)
    return None


def _read_at(file: BinaryIO, at: int, size: int) -> bytes:
    here = file.tell()
    file.seek(at, io.SEEK_SET)
    data = file.read(size)
    file.seek(here)
    return data
