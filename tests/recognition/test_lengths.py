"""A file that lacks sound says so, and one that lacks none says nothing.

The circumstances were reported in public trackers of players, recorders and taggers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from recognition.audio.decode import AudioFile
from recognition.audio.streams import first_audio
from recognition.errors import UnsupportedMedia
from recognition.limits import DEFAULT_LIMITS
from tests.recognition import timed_files
from tests.recognition.media_files import Kind, melody, stereo, write

RATE = 8000
SECONDS = 12
PCM = (melody(SECONDS, RATE) * 32767).astype("<i2").tobytes()
HALF = len(PCM) // 2
THIRD = (len(PCM) // 3) // 2 * 2
CUT = "The end of the file could not be decoded."


def missing(seconds: int) -> list[str]:
    return [f"The last {seconds} s could not be decoded."]


TUNE = stereo(melody(SECONDS))


def heard(path: Path) -> tuple[float, list[str]]:
    with path.open("rb") as file, AudioFile(file, DEFAULT_LIMITS, name=path.name) as it:
        return sum(len(block) for block in it.blocks()) / RATE, it.warnings


def chunk(
    name: bytes,
    content: bytes,
    stated: int | None = None,
    *,
    order: str = "<",
    padding: bytes = b"",
) -> bytes:
    size = len(content) if stated is None else stated
    return name + struct.pack(f"{order}I", size) + content + padding


def wav(*chunks: bytes, magic: bytes = b"RIFF", order: str = "<") -> bytes:
    """Return a WAV file of 16 bits and one channel with these chunks after its format."""
    form = struct.pack(f"{order}HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    parts = list(chunks)
    at = 1 if magic == b"RF64" else 0
    parts.insert(at, chunk(b"fmt ", form, order=order))
    body = b"WAVE" + b"".join(parts)
    return magic + struct.pack(f"{order}I", len(body) % 2**32) + body


def rf64(sound: bytes) -> bytes:
    """Return a file that states its size of twelve seconds in a chunk of its own."""
    sizes = struct.pack("<QQQI", len(PCM) + 72, len(PCM), len(PCM) // 2, 0)
    whole = chunk(b"data", sound, 0xFFFFFFFF)
    return wav(chunk(b"ds64", sizes), whole, magic=b"RF64")


def aiff(frames: int, stated: int, sound: bytes) -> bytes:
    rate = bytes.fromhex("400bfa00000000000000")  # 8,000 as an extended float
    common = chunk(b"COMM", struct.pack(">HIH", 1, frames, 16) + rate, order=">")
    held = chunk(b"SSND", bytes(8) + sound, stated, order=">")
    body = b"AIFF" + common + held
    return b"FORM" + struct.pack(">I", len(body)) + body


SWAPPED = b"".join(PCM[at + 1 : at + 2] + PCM[at : at + 1] for at in range(0, HALF, 2))
TAG = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)
BYTES: dict[str, tuple[str, bytes, float, list[str]]] = {
    # Recorders that crashed, or wrote to a pipe.
    "size zero": (".wav", wav(chunk(b"data", PCM, 0)), 12, []),
    **{
        f"size {size:x}": (".wav", wav(chunk(b"data", PCM, size)), 12, [])
        for size in (0x7FFFFFFF, 0x80000024, 0xFFFFFFF0, 0xFFFFFFFF, 0x7FFFFFDB)
    },
    "the header's size too many": (*(".wav", wav(chunk(b"data", PCM, len(PCM) + 44)), 12, []),),
    "cut at 3 GB": (*(".wav", wav(chunk(b"data", PCM, 3_000_000_000)), 12, missing(187_488)),),
    "cut after a tag": (*(".wav", TAG + wav(chunk(b"data", PCM[:HALF], len(PCM))), 6, missing(6)),),
    "two chunks of sound": (
        ".wav",
        wav(chunk(b"data", PCM[:HALF]), chunk(b"LIST", b"INFOabcd"), chunk(b"data", PCM[HALF:])),
        12,
        [],
    ),
    "the second of two cut": (
        ".wav",
        wav(chunk(b"data", PCM[:HALF]), chunk(b"data", PCM[HALF:-THIRD], HALF)),
        8,
        missing(4),
    ),
    "odd size without padding": (
        *(".wav", wav(chunk(b"bext", b"x" * 603), chunk(b"data", PCM)), 12, []),
    ),
    "odd size padded by a space": (
        ".wav",
        wav(chunk(b"bext", b"x" * 603, padding=b" "), chunk(b"data", PCM)),
        12,
        [],
    ),
    "chunks after the sound": (
        ".wav",
        wav(chunk(b"data", PCM), chunk(b"LIST", b"INFO" + chunk(b"INAM", b"Hi!\0"))),
        12,
        [],
    ),
    "two files in one": (".wav", 2 * wav(chunk(b"data", PCM)), 24, []),
    "the second of two files cut": (
        *(".wav", (2 * wav(chunk(b"data", PCM)))[: -len(PCM) // 2], 18, [CUT]),
    ),
    "RF64": (".wav", rf64(PCM), 12, []),
    "RF64, cut": (".wav", rf64(PCM[:HALF]), 6, missing(6)),
    "RIFX, cut": (
        ".wav",
        wav(chunk(b"data", SWAPPED, len(PCM), order=">"), magic=b"RIFX", order=">"),
        6,
        missing(6),
    ),
    "AIFF": (".aiff", aiff(len(PCM) // 2, len(PCM) + 8, PCM), 12, []),
    "AIFF, cut": (*(".aiff", aiff(len(PCM) // 2, len(PCM) + 8, PCM[:HALF]), 6, missing(6)),),
    "AIFF that was never finished": (".aiff", aiff(0, 0, PCM), 12, []),
    "AIFF of unknown size": (".aiff", aiff(0x7FFFFFFF, 0x7FFFFFF7, PCM), 12, []),
}


@pytest.mark.parametrize("case", BYTES)
def test_what_the_header_of_plain_sound_states(case: str, tmp_path: Path) -> None:
    suffix, data, seconds, warnings = BYTES[case]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)

    length_s, messages = heard(path)

    assert length_s == pytest.approx(seconds, abs=0.02)
    assert messages == warnings


def halved(data: bytes) -> bytes:
    return data[: len(data) // 2]


def twice_the_frames(data: bytes) -> bytes:
    """Return an MP3 file whose tag counts too many frames, and the right bytes."""
    at = max(data.find(b"Xing"), data.find(b"Info")) + 8
    frames = 2 * int.from_bytes(data[at : at + 4])
    return data[:at] + frames.to_bytes(4) + data[at + 4 :]


def no_frames(data: bytes) -> bytes:
    at = max(data.find(b"Xing"), data.find(b"Info")) + 8
    return data[:at] + bytes(4) + data[at + 4 :]


def without_count(data: bytes) -> bytes:
    """Return an MP3 file without the tag that counts."""
    return data.replace(b"Xing", bytes(4)).replace(b"Info", bytes(4))


def with_ape(data: bytes) -> bytes:
    """Return a file with the tags that MP3Gain and others leave behind."""
    item = struct.pack("<II", 11, 0) + b"MP3GAIN_UNDO\0+001,+001,N"
    head, foot = (
        b"APETAGEX" + struct.pack("<IIII8x", 2000, len(item) + 32, 1, flags)
        for flags in (0xA0000000, 0x80000000)
    )
    return data + head + item + foot + b"TAG" + bytes(125)


def without_total(data: bytes) -> bytes:
    """Return a FLAC file as a recorder streams it: without number and sum of samples."""
    return data[:21] + bytes([data[21] & 0xF0]) + bytes(20) + data[42:]


Change = Callable[[bytes], bytes]
CODED: dict[str, tuple[Kind, Change, float, list[str]]] = {
    "mp3, too many frames": (Kind(".mp3", "mp3"), twice_the_frames, 12, []),
    "mp3, no frames": (Kind(".mp3", "mp3"), no_frames, 12, []),
    "mp3, APE tag": (Kind(".mp3", "mp3"), with_ape, 12, []),
    "mp3, cut": (Kind(".mp3", "mp3"), halved, 6, missing(6)),
    "flac, no total": (Kind(".flac", "flac"), without_total, 12, []),
    "flac after a tag": (Kind(".flac", "flac"), lambda data: TAG + data, 12, []),
    "caf, cut": (Kind(".caf", "pcm_s16le"), halved, 6, missing(6)),
    "w64, cut": (Kind(".w64", "pcm_s16le"), halved, 6, missing(6)),
    "au, cut": (Kind(".au", "pcm_s16be"), halved, 6, missing(6)),
    "mp3, half zeros": (
        Kind(".mp3", "mp3"),
        lambda data: without_count(halved(data)) + bytes(len(data)),
        6,
        ["1 damaged place in the file was skipped.", CUT],
    ),
    "m4a, two in one": (Kind(".m4a", "aac"), lambda data: 2 * data, 24, []),
    "ogg, cut": (Kind(".opus", "libopus", rate=48_000), halved, 6, [CUT]),
    "avi, cut": (Kind(".avi", "libmp3lame"), halved, 6, [CUT]),
    "flv, cut": (
        *(Kind(".flv", "aac"), halved, 6),
        ["1 damaged place in the file was skipped.", *missing(6)],
    ),
}


@pytest.mark.parametrize("case", CODED)
def test_what_tags_and_structure_state(case: str, tmp_path: Path) -> None:
    kind, change, seconds, warnings = CODED[case]
    path = write(tmp_path / f"a{kind.suffix}", TUNE, kind)
    path.write_bytes(change(path.read_bytes()))

    length_s, messages = heard(path)

    assert length_s == pytest.approx(seconds, abs=1.1)
    assert messages == warnings


@pytest.mark.parametrize(
    "kind", [Kind(".mkv", "flac"), Kind(".wmv", "wmav2", "asf")], ids=lambda kind: kind.suffix
)
def test_sound_that_ends_before_the_picture_is_whole(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / f"a{kind.suffix}"
    timed_files.write(path, kind, melody(8), [], late_s=0)

    length_s, messages = heard(path)

    assert length_s == pytest.approx(8, abs=0.2)
    assert messages == []
    path.write_bytes(halved(path.read_bytes()))
    assert heard(path)[1][-1] in (CUT, *missing(8), *missing(9))


@pytest.mark.parametrize(
    ("kind", "change", "is_stated"),
    [
        (Kind(".mp3", "mp3"), bytes, True),
        (Kind(".mp3", "mp3"), without_count, False),
        (Kind(".wav", "pcm_s16le"), bytes, True),
        (Kind(".opus", "libopus", rate=48_000), bytes, True),
        (Kind(".opus", "libopus", rate=48_000), halved, False),
        (Kind(".ts", "aac"), bytes, False),
    ],
)
def test_whether_a_missing_end_would_be_noticed(
    kind: Kind, change: Change, is_stated: bool, tmp_path: Path
) -> None:
    path = write(tmp_path / f"a{kind.suffix}", stereo(melody(5)), kind)
    path.write_bytes(change(path.read_bytes()))

    with path.open("rb") as file, AudioFile(file, DEFAULT_LIMITS, name=path.name) as it:
        assert it.states_length == is_stated


def test_a_recording_without_its_index_is_cut_off(tmp_path: Path) -> None:
    path = write(tmp_path / "a.m4a", stereo(melody(4)), Kind(".m4a", "aac"))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])

    with pytest.raises(UnsupportedMedia, match="cut off: the index"):
        heard(path)


def test_notes_of_macos_are_named(tmp_path: Path) -> None:
    path = tmp_path / "._song.mp3"
    path.write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X" + bytes(4000))

    with pytest.raises(UnsupportedMedia, match="macOS"):
        heard(path)


def test_a_default_track_that_is_called_a_commentary_is_not_the_main_one(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), mode="w") as container:
        for title in ("Director's commentary", "Stereo"):
            stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
            stream.metadata["title"] = title
        silent = av.AudioFrame.from_ndarray(np.zeros((1, RATE), "<i2"), "s16", "mono")
        silent.sample_rate, silent.pts = RATE, 0
        for stream in container.streams.audio:
            container.mux(stream.encode(silent))

    with av.open(str(path)) as container:
        assert first_audio(container).metadata["title"] == "Stereo"
