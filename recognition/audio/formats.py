"""Containers of media: which may be opened, and where their tags end.

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

# Some file systems refuse to seek further; no media file is that long.
MAX_POSITION: Final = 1 << 43
# Bytes with their bits in reverse order: Ogg and transport streams have a CRC-32 that
# counts them so.
REVERSED_BITS: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
ID3_HEAD: Final = 10
MAX_TAGS: Final = 10
# A damaged file may hold endless tiny chunks; real files have a handful.
MAX_CHUNKS: Final = 100


def after_id3(file: BinaryIO) -> int:
    """Return where a file goes on after its leading ID3 tags."""
    at = 0
    for _ in range(MAX_TAGS):
        head = read_at(file, at, ID3_HEAD)
        if len(head) < ID3_HEAD or head[:3] != b"ID3":
            break
        length = 0
        for byte in head[6:]:
            length = length << 7 | byte & 0x7F
        at += ID3_HEAD + length
    return at


def read_at(file: BinaryIO, at: int, size: int) -> bytes:
    """Return bytes of a file, whose position stays; none where no file reaches."""
    if at > MAX_POSITION:
        return b""
    here = file.tell()
    file.seek(at, io.SEEK_SET)
    data = file.read(size)
    file.seek(here)
    return data
