"""A file without sound that can be decoded says what it holds, and what helps."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import av
import pytest

from recognition.audio import decode, ebml, unreadable
from recognition.audio.analysis import analyse_file
from recognition.audio.decode import AudioFile
from recognition.errors import UnsupportedMedia
from recognition.limits import DEFAULT_LIMITS
from tests.recognition.media_files import Kind, melody, stereo, write

CASES = Path(__file__).parent / "cases"
HTML = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n"
SUBTITLES = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n"


def zipped() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("song.mp3", bytes(range(256)) * 100)
    return memory.getvalue()


CONTENTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "The file is empty."),
    "page": (HTML.encode() * 40, unreadable.WEB_PAGE),
    "long page": (HTML.encode() + b"<p>song</p>\n" * 90_000, unreadable.WEB_PAGE),
    "page after blanks": (b"\xef\xbb\xbf\r\n <HTML><BODY>", unreadable.WEB_PAGE),
    "page in UTF-16": (HTML.encode("utf-16"), unreadable.WEB_PAGE),
    "page in Latin-1": ((HTML + "Grüße " * 99).encode("latin-1"), unreadable.WEB_PAGE),
    "page that is XML": (b'<?xml version="1.0"?><!DOCTYPE html><html></html>', unreadable.WEB_PAGE),
    "JSON": (b'{"error": {"code": 403}}', unreadable.ANSWER),
    "list in JSON": (b'[{"id": 1}]' * 100, unreadable.ANSWER),
    "XML": (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', unreadable.ANSWER),
    "feed": (b'<?xml version="1.0"?><rss version="2.0"></rss>', unreadable.FEED),
    "M3U": (b"#EXTM3U\n#EXTINF:1,A\nhttp://a.example/a.mp3\n", unreadable.PLAYLIST),
    "addresses": (b"https://a.example/a.mp3\n" * 2, unreadable.PLAYLIST),
    "PLS": (b"[playlist]\nFile1=http://a.example/\n", unreadable.PLAYLIST),
    "XSPF": (b'<?xml version="1.0"?><playlist version="1"/>', unreadable.PLAYLIST),
    "ASX": (b'<asx version="3.0"></asx>', unreadable.PLAYLIST),
    "torrent": (b"d8:announce3:abc4:infod4:name1:aee", unreadable.TORRENT),
    "torrent without tracker": (b"d7:comment1:a4:infodee", unreadable.TORRENT),
    "text": (b"hello, this is no sound\n" * 100, unreadable.TEXT),
    "short text": (b"Not found\n", unreadable.TEXT),
    "umlauts": ("Grüße aus Köln\n".encode("latin-1") * 50, unreadable.TEXT),
    "long text": ("Grüße aus Köln\n".encode() * 9000, unreadable.TEXT),
    "subtitles": (SUBTITLES * 40, unreadable.TEXT),
    "lyrics": (b"[00:12.00]Line\n" * 100, unreadable.TEXT),
    "PDF": (b"%PDF-1.7\n" + bytes(range(256)) * 50, unreadable.DOCUMENT),
    "Word": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), unreadable.DOCUMENT),
    "ZIP": (zipped(), unreadable.ARCHIVE),
    "gzip": (gzip.compress(b"hello" * 99), unreadable.ARCHIVE),
    "RAR": (b"Rar!\x1a\x07\x01\x00" + bytes(500), unreadable.ARCHIVE),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(500), unreadable.PICTURE),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(500), unreadable.PICTURE),
    "MIDI": (b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0", unreadable.NOTES),
    "zeros": (bytes(200_000), unreadable.ZEROS),
    "few zeros": (bytes(5000), unreadable.ZEROS),
    "protected download": (b"CTENFDAM" + bytes(range(256)) * 9, unreadable.PROTECTED),
    "something else": (bytes([7, 200, 3, 150]) * 999, unreadable.NOT_MEDIA),
}


def refusal_of(path: Path) -> str:
    with pytest.raises(UnsupportedMedia) as refused:
        list(decode.blocks(path))
    return str(refused.value)


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".wav", ""])
@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_of_another_kind_is_named(name: str, suffix: str, tmp_path: Path) -> None:
    content, reason = CONTENTS[name]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)

    assert refusal_of(path) == reason


@pytest.mark.parametrize("name", CONTENTS)
def test_the_confined_process_names_it_too(name: str, tmp_path: Path) -> None:
    content, reason = CONTENTS[name]
    path = tmp_path / "a.mp3"
    path.write_bytes(content)

    with pytest.raises(UnsupportedMedia) as refused:
        analyse_file(path)

    assert str(refused.value) == reason


def box(data: bytes, name: bytes, new: bytes) -> bytes:
    """Return an MP4 file with another name for a sample entry."""
    at = data.index(name + bytes(4))
    return data[:at] + new + data[at + 4 :]


@pytest.mark.parametrize("entry", [b"drms", b"enca", b"aavd"])
@pytest.mark.parametrize("codec", ["aac", "alac"])
def test_protected_sound_in_mp4_is_named(entry: bytes, codec: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", stereo(melody(4)), Kind(".m4a", codec, "ipod"))
    name = {"aac": b"mp4a", "alac": b"alac"}[codec]
    path.write_bytes(box(path.read_bytes(), name, entry))

    assert refusal_of(path) == unreadable.PROTECTED


@pytest.mark.parametrize("codec", ["aac", "libopus", "flac"])
@pytest.mark.parametrize("flags", ["faststart", "frag_keyframe+empty_moov+default_base_moof"])
def test_common_encryption_is_named_even_where_it_decodes_to_noise(
    codec: str, flags: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    options = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
        "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
        "movflags": flags,
        "strict": "-2",
    }
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=48_000, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        sound = stereo(melody(4, 48_000))
        frame = av.AudioFrame.from_ndarray(sound, "fltp", "stereo")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

    assert refusal_of(path) == unreadable.PROTECTED


@pytest.mark.parametrize("name", [b"free", b"moov", b"sidx"])
def test_a_box_of_absurd_size_leads_nowhere(name: bytes, tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", stereo(melody(4)), Kind(".m4a", "aac", "ipod"))
    with path.open("ab") as file:
        file.write(struct.pack(">I4sQ", 1, name, 1 << 62) + bytes(99))

    assert sum(map(len, decode.blocks(path))) > 3 * decode.SAMPLE_RATE


def element(name: int, content: bytes) -> bytes:
    """Return an element of Matroska, with a size of eight bytes."""
    size = (len(content) | 1 << 56).to_bytes(8)
    return name.to_bytes((name.bit_length() + 7) // 8) + size + content


def test_an_encrypted_track_of_a_webm_file_is_named(tmp_path: Path) -> None:
    kind = Kind(".webm", "libopus", rate=48_000)
    path = write(tmp_path / "a.webm", stereo(melody(4, 48_000)), kind)
    data = path.read_bytes()

    def contents(parent: ebml.Element) -> dict[int, bytes]:
        end = parent.end or len(data)
        memory = io.BytesIO(data)
        return {
            child.id: data[child.begin : child.end]
            for child in ebml.elements_of(memory, parent.begin, end)
        }

    segment = ebml.segment_of(io.BytesIO(data), len(data))
    assert segment is not None
    (tracks,) = (
        child
        for child in ebml.elements_of(io.BytesIO(data), segment.begin, len(data))
        if child.id == ebml.TRACKS
    )
    entry = contents(tracks)[ebml.TRACK_ENTRY]
    lock = element(ebml.CONTENT_ENCRYPTION, element(0x47E1, b"\5"))
    lock = element(ebml.CONTENT_ENCODINGS, element(ebml.CONTENT_ENCODING, lock))
    locked = element(ebml.TRACKS, element(ebml.TRACK_ENTRY, entry + lock))
    head = data[: data.index(bytes.fromhex("18538067"))]
    clusters = data[tracks.end :]
    info = element(0x1549A966, contents(segment)[0x1549A966])
    path.write_bytes(head + element(ebml.SEGMENT, info + locked + clusters))

    assert refusal_of(path) == unreadable.PROTECTED


def test_protected_windows_media_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wma", stereo(melody(4)), Kind(".wma", "wmav2", "asf"))
    data = bytearray(path.read_bytes())
    lock = unreadable.ASF_LOCKS[0] + struct.pack("<Q16x", 40)
    size, count = struct.unpack_from("<QI", data, 16)
    struct.pack_into("<QI", data, 16, size + len(lock), count + 1)
    data[30:30] = lock
    path.write_bytes(data)

    assert refusal_of(path) == unreadable.PROTECTED


def free_format(mono: bool) -> bytes:
    """Return MP3 frames whose heads state no bit rate, as LAME and others write them."""
    mode = 0xC0 if mono else 0x40
    frame = bytes([0xFF, 0xFB, 0x00, mode]) + bytes(range(1, 128))
    return frame * 300


@pytest.mark.parametrize("mono", [True, False])
@pytest.mark.parametrize("tag", [b"", b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)])
def test_free_format_mp3_is_named(mono: bool, tag: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(tag + free_format(mono))

    assert refusal_of(path) == unreadable.FREE_FORMAT


@pytest.mark.parametrize("channels", ["mono", "stereo"])
def test_free_format_mp3_of_an_encoder_is_named(channels: str) -> None:
    path = CASES / f"d4_free_format_{channels}.mp3"

    assert refusal_of(path) == unreadable.FREE_FORMAT


def test_a_beginning_that_was_never_downloaded_is_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", stereo(melody(12)), Kind(".mp3", "mp3"))
    data = path.read_bytes()
    path.write_bytes(bytes(len(data) // 2) + data[len(data) // 2 :])

    with path.open("rb") as file, AudioFile(file, DEFAULT_LIMITS, name="a.mp3") as it:
        list(it.blocks())

    assert unreadable.ZEROS in it.warnings


@pytest.mark.parametrize(
    "kind",
    [
        Kind(".m4a", "aac", "ipod"),
        Kind(".mp3", "mp3"),
        Kind(".webm", "libopus", rate=48_000),
        Kind(".wma", "wmav2", "asf"),
    ],
    ids=lambda kind: kind.suffix,
)
def test_plain_sound_is_not_taken_for_protected(kind: Kind, tmp_path: Path) -> None:
    path = write(tmp_path / f"a{kind.suffix}", stereo(melody(4, kind.rate)), kind)

    assert sum(map(len, decode.blocks(path))) > 3 * decode.SAMPLE_RATE
