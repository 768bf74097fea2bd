"""Why a file gives no sound: what it holds instead, or what its sound is locked with."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, Final

from recognition.audio.chunks import Mp4Box, boxes_of
from recognition.audio.ebml import EBML, encrypted_tracks
from recognition.audio.formats import after_id3, read_at
from recognition.audio.lengths import ASF_HEAD, lacks_index
from recognition.audio.ogg_heads import begins_in_mid_link, first_page
from recognition.errors import UnsupportedMedia

NOTES_OF_MACOS: Final = "The file holds what macOS notes beside a file, and no sound."
NOT_MEDIA: Final = "This is not an audio or video file."
PROTECTED: Final = (
    "Its sound is protected (DRM), so that only a player of its shop can decode it. "
    "Use a copy without protection."
)
FREE_FORMAT: Final = (
    "This is a free-format MP3, which few programs can decode. Convert it to FLAC or WAV "
    "with LAME or SoX."
)
ZEROS: Final = "The file begins with zeros: its download did not finish."
HEADLESS: Final = (
    "The Ogg file begins in the middle of a stream, and lacks the headers that decoding "
    "needs. Record it again from the beginning of a title."
)
WEB_PAGE: Final = (
    "This is a web page and no sound: the download failed or needs a sign-in. "
    "Download the file again."
)
ANSWER: Final = (
    "This is a server's answer in JSON or XML and no sound: the download failed or needs "
    "a sign-in. Download the file again."
)
FEED: Final = "This is a feed and no sound. Submit its address, or watch it as a source."
PLAYLIST: Final = "This is a playlist and no sound. Submit the addresses or files that it lists."
TORRENT: Final = "This is a torrent and no sound. Choose the files that it downloads."
TEXT: Final = "This is a text and no sound."
DOCUMENT: Final = "This is a document and no sound."
ARCHIVE: Final = "This is an archive. Unpack it, and choose the files in it."
PICTURE: Final = "This is a picture and no sound."
NOTES: Final = "This is a MIDI file, which holds notes and no sound."

# Sample entries of MP4 whose content is encrypted: CENC, FairPlay, Audible.
LOCKED_ENTRIES: Final = frozenset({b"enca", b"drms", b"aavd"})
# Windows Media: the objects of its head that name a licence.
ASF_LOCKS: Final = (
    bytes.fromhex("fbb31122 23bdd211 b4b700a0 c955fc6e"),
    bytes.fromhex("14e68a29 2226174c b935dae0 7ee9289c"),
)
MAGICS: Final = (
    (b"%PDF", DOCUMENT),
    (b"{\\rtf", DOCUMENT),
    (bytes.fromhex("d0cf11e0a1b11ae1"), DOCUMENT),
    (b"PK\x03\x04", ARCHIVE),
    (b"Rar!", ARCHIVE),
    (b"7z\xbc\xaf", ARCHIVE),
    (b"\x1f\x8b", ARCHIVE),
    (b"\x89PNG", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"GIF8", PICTURE),
    (b"MThd", NOTES),
    # A music service, whose files only its own player opens.
    (b"CTENFDAM", PROTECTED),
    # What macOS writes beside a file where it cannot keep its notes in it: ``._name``.
    (b"\x00\x05\x16\x07", NOTES_OF_MACOS),
)
HEAD_BYTES: Final = 4096
# The least that programs download at once.
PIECE_BYTES: Final = 1 << 14
TORRENT_HEAD: Final = re.compile(rb"d\d{1,2}:(announce|comment|created|info|creation)")
PAGE_HEAD: Final = re.compile(r"(<!--|<!doctype html|<html|<head|<body|<script)")
JSON_HEAD: Final = re.compile(r'(\{\s*["}]|\[\s*[\[{"\]])')
PLAYLIST_HEAD: Final = re.compile(r"(#extm3u|\[playlist\]|\[internetshortcut\]|<asx|https?://)")
# Loaded here, because a confined process may open no file.
UTF_16: Final = codecs.lookup("utf-16")
# No text holds them.
CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
MAX_ASF_HEAD: Final = 1 << 20
# An MP3 frame has at least the size of its head, and at most that of 640 kbit/s at 8 kHz.
MIN_FRAME, MAX_FRAME = 24, 12_000
# So many heads at equal distances are no accident.
MIN_FRAMES: Final = 4


def why_unreadable(file: BinaryIO) -> str:
    """Return what is wrong with a file that FFmpeg does not recognise."""
    return _content_of(file) or NOT_MEDIA


def refuse_other_content(file: BinaryIO) -> None:
    """Raise ``UnsupportedMedia`` for a file known to hold something else than sound."""
    reason = _content_of(file)
    if reason is not None:
        raise UnsupportedMedia(reason)


def refuse_locked(file: BinaryIO, container: str, number: int) -> None:
    """Raise ``UnsupportedMedia`` if nothing here decodes a sound track's content.

    What is encrypted may decode to noise, and free-format MP3 to a few chance frames.
    ``number`` is that of the track, from 1.
    """
    if container == "mp3":
        if _is_free_format(file):
            raise UnsupportedMedia(FREE_FORMAT)
        return
    locked = _locked_tracks(file)
    if number <= len(locked) and locked[number - 1]:
        raise UnsupportedMedia(PROTECTED)


def begins_with_zeros(file: BinaryIO) -> bool:
    """Return whether a file's first part was never written, as by a download."""
    return not any(read_at(file, 0, PIECE_BYTES))


def _content_of(file: BinaryIO) -> str | None:
    head = read_at(file, 0, HEAD_BYTES)
    if not head:
        return "The file is empty."
    if lacks_index(file):
        return "The file is cut off: the index of its sound is missing."
    for magic, reason in MAGICS:
        if head.startswith(magic):
            return reason
    if TORRENT_HEAD.match(head):
        return TORRENT
    if begins_with_zeros(file):
        return ZEROS
    return _lock_of(file) or _text_of(head)


def _lock_of(file: BinaryIO) -> str | None:
    """Return why nothing here decodes the sound in a file; None if that is unknown."""
    if any(_locked_tracks(file)):
        return PROTECTED
    if _is_free_format(file):
        return FREE_FORMAT
    pages = first_page(file)
    if pages is not None and begins_in_mid_link(file, pages):
        return HEADLESS
    return None


def _text_of(head: bytes) -> str | None:
    """Return what kind of text a file begins with; None if it is no text."""
    text = _decoded(head)
    if text is None:
        return None
    begin = text.lstrip("\ufeff \t\r\n").lower()
    if begin.startswith(("<rss", "<feed")) or (
        begin.startswith("<?xml") and ("<rss" in begin or "<feed" in begin)
    ):
        return FEED
    if PLAYLIST_HEAD.match(begin) or "<playlist" in begin[:500]:
        return PLAYLIST
    if PAGE_HEAD.match(begin) or (begin.startswith("<?xml") and "<html" in begin):
        return WEB_PAGE
    if begin.startswith("<") or JSON_HEAD.match(begin):
        return ANSWER
    return TEXT if begin else None


def _decoded(head: bytes) -> str | None:
    """Return bytes as text; None if they are none."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text, _ = UTF_16.decode(head[: len(head) // 2 * 2], "replace")
    else:
        try:
            # The last character may be cut.
            text = head.decode("utf-8", errors="ignore" if len(head) > 8 else "strict")
            if len(text.encode()) < len(head) - 4:
                text = head.decode("latin-1")
        except UnicodeDecodeError:
            return None
    return None if CONTROLS.search(text) else text


def _locked_tracks(file: BinaryIO) -> list[bool]:
    """Return for each sound track whether it is encrypted; empty if that is unknown."""
    size = file.seek(0, io.SEEK_END)
    head = read_at(file, 0, len(ASF_HEAD))
    if head == ASF_HEAD:
        return [_is_locked_asf(file)]
    if head.startswith(EBML):
        return encrypted_tracks(file, size)
    return [not LOCKED_ENTRIES.isdisjoint(entries) for entries in _sample_entries(file, size)]


def _sample_entries(file: BinaryIO, size: int) -> Iterator[set[bytes]]:
    """Yield the formats in which each sound track of an MP4 file is stored."""
    for index in islice(_boxes(file, 0, size, b"moov"), 1):
        for track in _boxes(file, index.begin, index.end, b"trak"):
            for media in _boxes(file, track.begin, track.end, b"mdia"):
                handlers = _boxes(file, media.begin, media.end, b"hdlr")
                if any(read_at(file, box.begin + 8, 4) == b"soun" for box in handlers):
                    yield {
                        entry.name
                        for info in _boxes(file, media.begin, media.end, b"minf")
                        for table in _boxes(file, info.begin, info.end, b"stbl")
                        for descriptions in _boxes(file, table.begin, table.end, b"stsd")
                        # Version and count lie before the entries.
                        for entry in boxes_of(file, descriptions.end, descriptions.begin + 8)
                    }


def _boxes(file: BinaryIO, begin: int, end: int, name: bytes) -> Iterator[Mp4Box]:
    return (box for box in boxes_of(file, end, begin) if box.name == name)


def _is_locked_asf(file: BinaryIO) -> bool:
    stated = int.from_bytes(read_at(file, len(ASF_HEAD), 8), "little")
    objects = read_at(file, 0, min(stated, MAX_ASF_HEAD))
    return any(lock in objects for lock in ASF_LOCKS)


def _is_free_format(file: BinaryIO) -> bool:
    """Return whether MP3 frames follow each other whose heads state no bit rate."""
    begin = after_id3(file)
    data = read_at(file, begin, MIN_FRAMES * MAX_FRAME)
    head = data[:4]
    if len(head) < 4 or not _states_no_rate(head):
        return False
    # Padding, the private bit and joint stereo may differ from frame to frame.
    same = re.compile(re.escape(head[:2]) + rb"[%b]" % _like(head[2]))
    places = [at.start() for at in same.finditer(data, MIN_FRAME)]
    return any(
        all(_follows(places, number * distance) for number in range(2, MIN_FRAMES))
        for distance in places
        if distance <= MAX_FRAME
    )


def _states_no_rate(head: bytes) -> bool:
    return (
        head[0] == 0xFF
        and head[1] & 0xE0 == 0xE0
        and head[1] & 0x18 != 0x08
        and head[1] & 0x06 != 0
        and head[2] & 0xF0 == 0
        and head[2] & 0x0C != 0x0C
    )


def _like(byte: int) -> bytes:
    """Return the third bytes of heads of one stream, as a set of a pattern."""
    return b"".join(re.escape(bytes([byte & 0x0C | bits])) for bits in range(4))


def _follows(places: list[int], at: int) -> bool:
    """Return whether a frame begins at a place, give or take the padding before it."""
    return any(abs(place - at) <= MIN_FRAMES for place in places)
