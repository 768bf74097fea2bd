"""The header pages that an Ogg dump lacks if it begins in the middle of a link.

Stations begin a new link with each title, and encode all alike, so the next link's headers
serve. Without a later link, the packets of Opus and FLAC say enough to write new ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from recognition.audio.formats import REVERSED_BITS, read_at
from recognition.audio.ogg import CAPTURE, HEAD_BYTES, IS_FIRST, MAX_HEAD_BYTES, PageHead

# How the first packet of a stream of sound begins.
VORBIS_BEGINS: Final = b"\x01vorbis"
SOUND_BEGINS: Final = (VORBIS_BEGINS, b"OpusHead", b"\x7fFLAC")
IS_CONTINUED: Final = 1
# Headers of real files are some kilobytes, or a megabyte with a picture.
MAX_PAGES: Final = 200
MAX_PAGE_BYTES: Final = MAX_HEAD_BYTES + 255 * 255
# Pages whose packets must be as long as the pages say, to be Opus.
OPUS_PAGES: Final = 2
OPUS_RATE: Final = 48_000
# In samples at that rate, by the number of a mode; see RFC 6716, section 3.1.
OPUS_FRAMES: Final = (*(3 * (480, 960, 1920, 2880)), *(2 * (480, 960)), *(4 * (120, 240, 480, 960)))
FLAC_SYNCS: Final = (b"\xff\xf8", b"\xff\xf9")
# By their codes in the head of a FLAC frame; see RFC 9639, section 9.1.
FLAC_RATES: Final = (
    *(0, 88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100),
    *(48_000, 96_000),
)
FLAC_BITS: Final = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
FLAC_MAX_BLOCK: Final = 65_535


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a file, with the stream it belongs to and its sum of samples."""

    head: PageHead
    data: bytes

    @property
    def serial(self) -> bytes:
        return self.data[14:18]

    @property
    def position(self) -> int:
        return int.from_bytes(self.data[6:14], "little")

    @property
    def packets(self) -> list[bytes]:
        """Return its packets; the first and the last may be parts of some."""
        packets, packet, at = [], b"", self.head.head_bytes
        for size in self.data[HEAD_BYTES : self.head.head_bytes]:
            packet += self.data[at : at + size]
            at += size
            if size < 255:
                packets.append(packet)
                packet = b""
        return [*packets, packet] if packet else packets

    def of(self, serial: bytes) -> bytes:
        """Return the page as one of another stream."""
        return _checked(self.data[:14] + serial + self.data[18:])

    @property
    def has_whole_packets(self) -> bool:
        is_continued = self.data[5] & IS_CONTINUED
        return not is_continued and self.data[self.head.head_bytes - 1] < 255


def first_page(file: BinaryIO) -> int | None:
    """Return where the pages of a file begin, of which the first may be cut off; None if
    it has none.
    """
    begin = read_at(file, 0, MAX_PAGE_BYTES + len(CAPTURE))
    at = begin.find(CAPTURE)
    page = None if at < 0 else PageHead.read(read_at(file, at, MAX_HEAD_BYTES))
    if page is None:
        return None
    following = at + page.head_bytes + page.body_bytes
    return at if read_at(file, following, len(CAPTURE)) == CAPTURE else None


def begins_in_mid_link(file: BinaryIO, at: int) -> bool:
    """Return whether the page at a place goes on with a link, whose headers are missing."""
    page = PageHead.read(read_at(file, at, MAX_HEAD_BYTES))
    return page is not None and not page.is_first


def lacking_head(file: BinaryIO, begin: int, following: int | None) -> bytes:
    """Return header pages for the link whose pages begin at a place without them.

    ``following`` is where the next link begins. Empty if nothing says what they held.
    """
    first = next(_pages(file, begin), None)
    if first is None:
        return b""
    packets = _opus_head(file, begin) or _flac_head(first) or [VORBIS_BEGINS]
    # Headers that another stream has say more, such as what its channels are.
    borrowed = [] if following is None else _head_pages(file, following)
    if borrowed and borrowed[0].packets[0][:5] == packets[0][:5]:
        return b"".join(page.of(first.serial) for page in borrowed)
    if packets == [VORBIS_BEGINS]:
        return b""
    pages = (_head_page(packet, number, first.serial) for number, packet in enumerate(packets))
    return b"".join(pages)


def _pages(file: BinaryIO, at: int) -> Iterator[_Page]:
    for _ in range(MAX_PAGES):
        head = PageHead.read(read_at(file, at, MAX_HEAD_BYTES))
        if head is None:
            return
        size = head.head_bytes + head.body_bytes
        yield _Page(head, read_at(file, at, size))
        at += size


def _head_pages(file: BinaryIO, at: int) -> list[_Page]:
    """Return the header pages of the sound of a link."""
    pages: list[_Page] = []
    for page in _pages(file, at):
        if not pages and not page.head.is_first:
            break
        if pages and page.serial == pages[0].serial:
            if page.head.has_sound:
                break
            pages.append(page)
        elif not pages and page.data[page.head.head_bytes :].startswith(SOUND_BEGINS):
            pages.append(page)
    return pages


def _opus_head(file: BinaryIO, begin: int) -> list[bytes]:
    """Return the header packets of an Opus stream; none if it is another one."""
    before: _Page | None = None
    packets: list[bytes] = []
    pages = 0
    for page in _pages(file, begin):
        if before is not None and page.serial != before.serial:
            continue
        if before is not None and page.has_whole_packets and before.has_whole_packets:
            packets = page.packets
            samples = sum(map(_opus_samples, packets))
            if samples != page.position - before.position:
                return []
            pages += 1
            if pages == OPUS_PAGES:
                break
        before = page
    if pages < OPUS_PAGES:
        return []
    channels = 2 if any(packet[0] & 4 for packet in packets if packet) else 1
    shape = bytes([1, channels, 0, 0]) + OPUS_RATE.to_bytes(4, "little") + bytes(3)
    return [b"OpusHead" + shape, b"OpusTags" + bytes(8)]


def _opus_samples(packet: bytes) -> int:
    if not packet:
        return 0
    code = packet[0] & 3
    frames = 1 if code == 0 else 2
    if code == 3:
        frames = packet[1] & 63 if len(packet) > 1 else 0
    return frames * OPUS_FRAMES[packet[0] >> 3]


def _flac_head(page: _Page) -> list[bytes]:
    """Return the header packets of a FLAC stream; none if it is another one."""
    frame = next((packet for packet in page.packets if packet[:2] in FLAC_SYNCS), b"")
    if len(frame) < 4:
        return []
    rate_code, channel_code = frame[2] & 15, frame[3] >> 4
    bits = FLAC_BITS.get(frame[3] >> 1 & 7)
    if not 0 < rate_code < len(FLAC_RATES) or channel_code > 10 or bits is None:
        return []
    channels = channel_code + 1 if channel_code < 8 else 2
    shape = FLAC_RATES[rate_code] << 44 | channels - 1 << 41 | bits - 1 << 36
    info = (16).to_bytes(2) + FLAC_MAX_BLOCK.to_bytes(2) + bytes(6) + shape.to_bytes(8) + bytes(16)
    return [
        b"\x7fFLAC\1\0\0\1fLaC" + len(info).to_bytes(4) + info,
        b"\x84" + (8).to_bytes(3) + bytes(8),
    ]


def _head_page(packet: bytes, number: int, serial: bytes) -> bytes:
    """Return a page with one short header packet."""
    flags = IS_FIRST if number == 0 else 0
    head = CAPTURE + bytes([0, flags]) + bytes(8) + serial + number.to_bytes(4, "little")
    return _checked(head + bytes(4) + bytes([1, len(packet)]) + packet)


def _checked(page: bytes) -> bytes:
    """Return a page with the checksum of its content."""
    blank = page[:22] + bytes(4) + page[26:]
    # CRC-32 of the Ogg kind: bits in the other order, and nothing inverted.
    mirrored = zlib.crc32(blank.translate(REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    checksum = mirrored.to_bytes(4, "little").translate(REVERSED_BITS)[::-1]
    return page[:22] + checksum + page[26:]
