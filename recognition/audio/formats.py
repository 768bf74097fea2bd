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

# Sizes from here on are placeholders of writers that did not know the length when they
# began, such as 0x7FFFFFFF, 0x80000024 and 0xFFFFFFF0.
UNKNOWN_SIZE: Final = 0x7FFFF000
ID3_HEAD: Final = 10
MAX_TAGS: Final = 10
# Bytes of an MP3 frame before its Xing tag, by version (MPEG 1 or later) and mono.
XING_AT: Final = {
    (True, False): 36,
    (True, True): 21,
    (False, False): 21,
    (False, True): 13,
}
XING_HAS_FRAMES: Final = 1
# A damaged file may hold endless tiny chunks; real files have a handful.
MAX_CHUNKS: Final = 100
OGG_PAGE: Final = b"OggS"
VORBIS_BEGINS: Final = b"\x01vorbis"


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
        return declared_ms if _counts_frames(file) else None
    return None


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


def _counts_frames(file: BinaryIO) -> bool:
    """Return whether the tag of LAME and others counts the frames of an MP3 file."""
    at = after_id3(file)
    frame = read_at(file, at, 48)
    if len(frame) < 48 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return False
    is_version_1, is_mono = frame[1] & 0x18 == 0x18, frame[3] & 0xC0 == 0xC0
    tag = frame[XING_AT[is_version_1, is_mono] :]
    return tag[:4] in (b"Xing", b"Info") and bool(tag[7] & XING_HAS_FRAMES)


def _wav_ms(file: BinaryIO) -> int | None:
    """Return the length from the ``fmt`` and ``data`` chunks of a RIFF file."""
    if read_at(file, 0, 4) != b"RIFF":
        return None
    at, bytes_per_s = 12, 0
    for _ in range(MAX_CHUNKS):
        chunk = read_at(file, at, 20)
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


def read_at(file: BinaryIO, at: int, size: int) -> bytes:
    """Return bytes of a file, whose position stays."""
    here = file.tell()
    file.seek(at, io.SEEK_SET)
    data = file.read(size)
    file.seek(here)
    return data
