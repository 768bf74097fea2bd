"""Whole sound under a wrong clock is one use without holes, and lost sound is silence.

Recorders stamp packets with the half second in which they arrive, browsers leave lengths
out, device clocks run at another pace, and writers overflow durations.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Collection
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from recognition.api.collection import Collection as Index
from recognition.api.sounds import read
from recognition.audio.decode import AudioFile
from recognition.limits import DEFAULT_LIMITS
from recognition.types import ScanResult
from tests.recognition.media_files import Kind, melody, stereo, write

ALPHA = Path(__file__).parent / "cases" / "alpha.opus"
LENGTH_S = 60
PACKET_S = 0.02
MILLISECOND = Fraction(1, 1000)
Stamp = Callable[[float], float]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    sound = read(ALPHA, "reference").fingerprint
    Index(folder, create=True).add_many([("alpha", sound)])
    return folder


def restamped(path: Path, stamp: Stamp, lost: Collection[int] = ()) -> Path:
    """Write the recording's packets with other stamps, without the lost ones."""
    with av.open(str(ALPHA)) as read, av.open(str(path), "w") as written:
        stream = written.add_stream_from_template(read.streams.audio[0])
        at_ms = 0
        for number, packet in enumerate(read.demux(read.streams.audio[0])):
            if packet.pts is None or packet.time_base is None or number in lost:
                continue
            # Matroska's writer accepts no stamp before the last one.
            stamp_s = stamp(float(packet.pts * packet.time_base))
            at_ms = max(at_ms, round(1000 * stamp_s))
            packet.pts = packet.dts = at_ms
            packet.time_base = MILLISECOND
            packet.stream = stream
            written.mux(packet)
    return path


def scanned(index: Path, path: Path) -> ScanResult:
    return Index(index).scan(read(path, "scan"))


SWINGS: dict[str, Stamp] = {
    "half seconds": lambda at_s: math.floor(2 * at_s) / 2,
    "the end of half seconds": lambda at_s: math.ceil(2 * at_s) / 2,
    "seconds": math.floor,
    "video frames": lambda at_s: round(25 * at_s) / 25,
    "a swing of 120 ms": lambda at_s: at_s + 0.12 * math.sin(at_s / 0.3),
    "a slow swing": lambda at_s: at_s + 0.12 * math.sin(at_s / 3),
    "every other packet": lambda at_s: at_s + 0.12 * (round(at_s / PACKET_S) % 2),
}


@pytest.mark.parametrize("name", SWINGS)
@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_stamps_that_swing_leave_sound_whole(
    name: str, suffix: str, index: Path, tmp_path: Path
) -> None:
    path = restamped(tmp_path / f"a{suffix}", SWINGS[name])

    result = scanned(index, path)

    (segment,) = result.segments
    assert segment.start_ms < 150
    assert segment.score == 100
    assert segment.end_ms / 1000 == pytest.approx(LENGTH_S, abs=0.15)
    assert result.warnings == ()


@pytest.mark.parametrize("name", SWINGS)
def test_packets_lost_between_such_stamps_are_silence_of_their_length(
    name: str, index: Path, tmp_path: Path
) -> None:
    path = restamped(tmp_path / "a.webm", SWINGS[name], lost=range(1500, 1600))

    result = scanned(index, path)

    assert result.warnings == ("2 s within the file could not be decoded and count as silence.",)
    (segment,) = result.segments
    assert segment.start_ms / 1000 == pytest.approx(0, abs=0.15)
    assert segment.end_ms / 1000 == pytest.approx(LENGTH_S, abs=0.2)


@pytest.mark.parametrize("pace", [0.97, 0.99, 0.995, 1.005, 1.01, 1.03])
def test_a_recording_under_a_clock_of_another_pace_is_one_use(
    pace: float, index: Path, tmp_path: Path
) -> None:
    path = restamped(tmp_path / "a.mkv", lambda at_s: at_s * pace)

    result = scanned(index, path)

    most_s = 0.2 + 7 * abs(pace - 1)
    assert result.duration_ms / 1000 == pytest.approx(LENGTH_S * pace, abs=most_s)
    assert result.warnings == ()
    # The first ten seconds, in which the pace is not known, may be a segment.
    assert len(result.segments) <= 2
    assert result.segments[0].start_ms < 150
    end_ms = result.segments[-1].end_ms
    assert end_ms / 1000 == pytest.approx(LENGTH_S * pace, abs=most_s)


def test_a_pause_of_the_recorder_within_a_use_is_part_of_it(index: Path, tmp_path: Path) -> None:
    path = restamped(tmp_path / "a.webm", lambda at_s: at_s + 3 * (at_s >= 30))

    result = scanned(index, path)

    (segment,) = result.segments
    assert segment.end_ms / 1000 == pytest.approx(LENGTH_S + 3, abs=0.15)
    assert segment.reference_end_ms / 1000 == pytest.approx(LENGTH_S, abs=0.15)
    assert result.warnings == ("3 s within the file could not be decoded and count as silence.",)


def test_a_recorder_that_goes_on_elsewhere_is_used_twice(index: Path, tmp_path: Path) -> None:
    path = restamped(tmp_path / "a.webm", lambda at_s: at_s, lost=range(1000, 2000))
    silent = restamped(
        tmp_path / "b.webm", lambda at_s: at_s if at_s < 20 else at_s - 18, lost=range(1000, 2000)
    )

    lost, skipped = scanned(index, path), scanned(index, silent)

    assert lost.duration_ms / 1000 == pytest.approx(LENGTH_S, abs=0.1)
    assert len(skipped.segments) == 2


def length_and_warnings(path: Path) -> tuple[float, list[str]]:
    with path.open("rb") as file, AudioFile(file, DEFAULT_LIMITS, name=path.name) as it:
        return sum(len(block) for block in it.blocks()) / 8000, it.warnings


def fragmented(path: Path, seconds: int) -> bytearray:
    """Return a fragmented MP4 file that states the duration of each sample."""
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "1000000"}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("aac", rate=44_100)
        sound = stereo(melody(seconds))
        for at in range(0, sound.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(sound[:, at : at + 1024].copy(), "fltp", "stereo")
            frame.sample_rate, frame.pts = 44_100, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return bytearray(path.read_bytes())


@pytest.mark.parametrize("duration", [0xFFFFF830, 40 * 44_100])
def test_a_sample_of_overflowed_duration_announces_no_sound(duration: int, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    data = fragmented(path, 6)
    runs = [at for at in range(len(data)) if data[at : at + 4] == b"trun"]
    # Those whose samples differ state the duration of each.
    at = next(at for at in reversed(runs) if data[at + 6] & 1)
    optional = sum(4 for bit in (0x1, 0x4) if data[at + 7] & bit)
    fields = sum(4 for bit in (0x1, 0x2, 0x4, 0x8) if data[at + 6] & bit)
    count = int.from_bytes(data[at + 8 : at + 12])
    last = at + 12 + optional + fields * (count - 1)
    data[last : last + 4] = struct.pack(">I", duration)
    path.write_bytes(data)

    length_s, warnings = length_and_warnings(path)

    assert length_s == pytest.approx(6, abs=0.1)
    assert warnings == []


def double(data: bytes, at: int, form: str) -> bytes:
    """Return a file with three times the number at a place."""
    size = struct.calcsize(form)
    (value,) = struct.unpack(form, data[at : at + size])
    return data[:at] + struct.pack(form, 3 * value) + data[at + size :]


ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
ANNOUNCED: dict[str, tuple[Kind, Callable[[bytes], bytes]]] = {
    "mkv": (
        Kind(".mkv", "aac", "matroska"),
        lambda data: double(data, data.index(b"\x44\x89\x88") + 3, ">d"),
    ),
    "flv": (Kind(".flv", "aac"), lambda data: double(data, data.index(b"duration\0") + 9, ">d")),
    "wma": (
        Kind(".wma", "wmav2", "asf"),
        lambda data: double(data, data.index(ASF_FILE) + 64, "<Q"),
    ),
    "avi": (Kind(".avi", "libmp3lame"), lambda data: double(data, data.index(b"strh") + 40, "<I")),
    "flac": (Kind(".flac", "flac"), lambda data: double(data, 22, ">I")),
}


@pytest.mark.parametrize("name", ANNOUNCED)
def test_a_complete_file_whose_head_announces_more_lacks_nothing(name: str, tmp_path: Path) -> None:
    kind, change = ANNOUNCED[name]
    path = write(tmp_path / f"a{kind.suffix}", stereo(melody(12)), kind)
    data = change(path.read_bytes())
    path.write_bytes(data)

    length_s, warnings = length_and_warnings(path)
    path.write_bytes(data[: len(data) * 6 // 10])
    cut: Any = length_and_warnings(path)

    assert length_s == pytest.approx(12, abs=0.1)
    assert warnings == []
    assert "could not be decoded" in cut[1][-1]


def test_a_file_cut_off_between_fragments_lacks_what_its_index_lists(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    options = {"movflags": "dash+global_sidx", "frag_duration": "1000000"}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("aac", rate=44_100)
        sound = stereo(melody(12))
        frame = av.AudioFrame.from_ndarray(sound, "fltp", "stereo")
        frame.sample_rate, frame.pts = 44_100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    fragments = [at for at in range(len(data)) if data[at : at + 4] == b"moof"]
    path.write_bytes(data[: fragments[len(fragments) // 2] - 4])

    length_s, warnings = length_and_warnings(path)

    assert warnings == [f"The last {12 - length_s:.0f} s could not be decoded."]


def test_a_live_file_without_a_length_lacks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    with av.open(str(ALPHA)) as read, av.open(str(path), "w", options={"live": "1"}) as written:
        stream = written.add_stream_from_template(read.streams.audio[0])
        for packet in read.demux(read.streams.audio[0]):
            if packet.pts is not None:
                packet.stream = stream
                written.mux(packet)

    length_s, warnings = length_and_warnings(path)

    assert length_s == pytest.approx(LENGTH_S, abs=0.1)
    assert warnings == []
