"""Whether a file holds all the sound that its headers announce.

FFmpeg derives the length of many files from their size and estimates others from the
first frames, so a file that was cut off would look complete. What counts here is what a
writer stated, unless it did not know the size when it began.
"""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from recognition.audio.chunks import SOUND, Mp4Box, boxes_of, chunks_of
from recognition.audio.ebml import segment_of
from recognition.audio.formats import after_id3, read_at
from recognition.audio.ogg import CAPTURE, PageHead

# Containers that state the length of the file, of which sound may be the shorter part.
OF_FILE: Final = frozenset({"asf", "flv", "matroska,webm"})
# Containers for which FFmpeg reports the length stated in the header.
STATED: Final = OF_FILE | {"avi", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "tta", "wv"}
# Containers whose sound lies in chunks of a stated size.
CHUNKED: Final = frozenset({"aiff", "caf", "w64", "wav"})
AU_HEAD: Final = 12
AU_UNKNOWN: Final = 0xFFFFFFFF
# Bytes of an MP3 frame before its Xing tag, by version (MPEG 1 or later) and mono.
XING_AT: Final = {(True, False): 36, (True, True): 21, (False, False): 21, (False, True): 13}
# Of a segment index in an MP4 file: 12 bytes for each fragment.
MAX_INDEX: Final = 1 << 20
# Of a tag in an FLV file.
FLV_HEAD: Final = 11
XING_HAS_FRAMES: Final = 1
XING_HAS_BYTES: Final = 2
# At the end of a file: more than any padding.
ZEROS: Final = 1 << 16
# Bytes: writers differ in what they count.
SLACK: Final = 4096
ASF_HEAD: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_FILE: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def announced_ms(
    file: BinaryIO, container: str, declared_ms: int | None, *, begin: int, held_ms: int
) -> int | None:
    """Return the announced length in milliseconds; None if no header states one.

    ``held_ms`` is how much sound the file holds, which begins at the byte ``begin``.
    """
    if container in STATED:
        return declared_ms
    end = file.seek(0, io.SEEK_END)
    if container == "mp3":
        stated = _tag_bytes(file)
        # If all bytes are there, the file was not cut off, whatever its frames are said
        # to be.
        is_cut = stated == 0 or end - after_id3(file) + SLACK < (stated or 0)
        return declared_ms if is_cut else None
    return _by_bytes(_stated_sizes(file, container, begin), end, held_ms)


def states_length(file: BinaryIO, container: str, declared_ms: int | None, *, begin: int) -> bool:
    """Return whether a file says how long it is, so that a missing end is noticed."""
    if container in STATED:
        # FFmpeg says 0 for FLV files that state none.
        return bool(declared_ms)
    if container == "mp3":
        return _tag_bytes(file) is not None
    if container == "ogg":
        _at, page = _last_page(file)
        return page is not None and page.is_last
    sizes = [stated for _, stated in _stated_sizes(file, container, begin)]
    return bool(sizes) and None not in sizes


def _stated_sizes(file: BinaryIO, container: str, begin: int) -> list[tuple[int, int | None]]:
    """Return where stretches of sound begin, and their sizes if they are known."""
    if container in CHUNKED:
        chunks = chunks_of(file, begin, file.seek(0, io.SEEK_END))
        return [(chunk.begin, chunk.stated) for chunk in chunks if chunk.name in SOUND]
    if container == "au":
        head = read_at(file, 0, AU_HEAD)
        first, stated = (int.from_bytes(head[at : at + 4]) for at in (4, 8))
        return [(first, None if stated == AU_UNKNOWN else stated)]
    return []


def _by_bytes(sizes: list[tuple[int, int | None]], end: int, held_ms: int) -> int | None:
    """Return the length from where chunks begin and their stated sizes."""
    stated_sizes = [(begin, stated) for begin, stated in sizes if stated is not None]
    stated = sum(size for _, size in stated_sizes)
    held = sum(min(size, max(0, end - begin)) for begin, size in stated_sizes)
    if len(stated_sizes) < len(sizes) or not 0 < held < stated:
        return None
    return held_ms * stated // held


def _tag_bytes(file: BinaryIO) -> int | None:
    """Return the bytes that the tag of an MP3 file (Xing, LAME) states; None without tag.

    It is 0 if the tag states only frames.
    """
    frame = read_at(file, after_id3(file), 64)
    if len(frame) < 64 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return None
    is_version_1, is_mono = frame[1] & 0x18 == 0x18, frame[3] & 0xC0 == 0xC0
    tag = frame[XING_AT[is_version_1, is_mono] :]
    if tag[:4] not in (b"Xing", b"Info") or not tag[7] & XING_HAS_FRAMES:
        return None
    return int.from_bytes(tag[12:16]) if tag[7] & XING_HAS_BYTES else 0


def is_complete(file: BinaryIO, container: str, *, begin: int) -> bool | None:
    """Return whether a file ends as its structure says; None if that does not say it.

    An incomplete file ends within a page, box or tag, or before its stated size.
    """
    size = file.seek(0, io.SEEK_END)
    if container == "ogg":
        at, page = _last_page(file)
        return None if page is None else at + page.head_bytes + page.body_bytes <= size
    if container.startswith("mov"):
        return _has_all_boxes(file, size)
    if container.startswith("matroska"):
        segment = segment_of(file, size)
        return None if segment is None or segment.end is None else segment.end <= size
    if container == "flv":
        return _ends_with_tag(file, size)
    if container in ("avi", "wav"):
        last_at, end = _last_riff(file, begin, size)
        # The chunks of a WAV file say it better, but only those of the first.
        if container == "wav" and last_at == begin:
            return None
        return None if end == begin else end <= size + SLACK
    if container in ("mp3", "aac"):
        # A download that stopped in a file of the full size.
        is_unwritten = size > ZEROS and not any(read_at(file, size - ZEROS, ZEROS))
        return False if is_unwritten else None
    if container in ("flac", "tta", "wv"):
        # What remains of a block that is cut off counts as damaged.
        return True
    if container == "asf":
        stated = _asf_bytes(file)
        return stated <= size + SLACK if stated else None
    return None


def _has_all_boxes(file: BinaryIO, size: int) -> bool | None:
    """Return whether an MP4 file has the boxes, and the fragments, that it announces."""
    end = 0
    for box in boxes_of(file, size):
        end = box.end
        if box.name == b"sidx" and box.end + _fragments_bytes(file, box) > size:
            return False
    if end > size:
        return False
    # What follows the last box may be a part that was never written.
    return True if end == size else None


def _fragments_bytes(file: BinaryIO, index: Mp4Box) -> int:
    """Return how far the fragments reach that a segment index lists."""
    content = read_at(file, index.begin, min(index.end - index.begin, MAX_INDEX))
    long_bytes = 8 if content[:1] == b"\1" else 4
    first = 12 + 2 * long_bytes
    offset = int.from_bytes(content[first - long_bytes : first])
    sizes = (
        int.from_bytes(content[at : at + 4]) & 0x7FFFFFFF
        for at in range(first + 4, len(content) - 11, 12)
    )
    return offset + sum(sizes)


def _ends_with_tag(file: BinaryIO, size: int) -> bool:
    """Return whether an FLV file ends after a tag and its length."""
    length = int.from_bytes(read_at(file, max(0, size - 4), 4))
    head = read_at(file, max(0, size - 4 - length), 4)
    return length >= FLV_HEAD and int.from_bytes(head[1:4]) == length - FLV_HEAD


def lacks_index(file: BinaryIO) -> bool:
    """Return whether this is an MP4 file that ends before the index of its sound."""
    size = file.seek(0, io.SEEK_END)
    names = [box.name for box in boxes_of(file, size)]
    return b"mdat" in names and b"moov" not in names


def _last_page(file: BinaryIO) -> tuple[int, PageHead | None]:
    """Return the offset of an Ogg file's last page, and the page's header."""
    size = file.seek(0, io.SEEK_END)
    tail_at = max(0, size - 2 * (1 << 16))
    tail = read_at(file, tail_at, size - tail_at)
    at = tail.rfind(CAPTURE)
    return tail_at + at, PageHead.read(tail, at) if at >= 0 else None


def _last_riff(file: BinaryIO, begin: int, size: int) -> tuple[int, int]:
    """Return where the last of a file's RIFF parts begins, and where it should end."""
    last, at = begin, begin
    while at < size and read_at(file, at, 4) == b"RIFF":
        length = int.from_bytes(read_at(file, at + 4, 4), "little")
        # A writer that did not finish left no size.
        if length < 8 or length >= 0x7FFFF000:
            break
        last, at = at, at + 8 + length + length % 2
    return last, at


def _asf_bytes(file: BinaryIO) -> int:
    """Return the size that an ASF file states; 0 if it states none, as broadcasts do."""
    if read_at(file, 0, 16) != ASF_HEAD:
        return 0
    head = read_at(file, 0, 1 << 12)
    at = head.find(ASF_FILE)
    is_broadcast = at < 0 or head[at + 88 : at + 89] in (b"", b"\1", b"\3")
    return 0 if is_broadcast else int.from_bytes(head[at + 40 : at + 48], "little")
