"""Media files of synthesised sound, in every format that the tests need."""

from __future__ import annotations

import shutil
import struct
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from tests import keeping
from tests.keeping import cached

_ENCODED = Path(__file__).parents[2] / "var" / "test-encoded"

Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Kind:
    """File format: suffix, codec, and the container if the suffix does not settle it."""

    suffix: str
    codec: str
    container: str | None = None
    rate: int = 44_100


@cached
def melody(seconds: float, rate: int = 44_100, seed: int = 1) -> Sound:
    """Return one channel of short decaying tones, at most half of full scale."""
    rng = np.random.default_rng(seed)
    y = np.zeros(round(seconds * rate) + rate, dtype=np.float64)
    t = np.arange(rate // 2) / rate
    for start in np.arange(0, seconds, 0.08):
        tone = np.sin(2 * np.pi * rng.uniform(220, 3300) * t) * np.exp(-6 * t)
        at = round(float(start) * rate)
        y[at : at + len(t)] += tone
    y = y[: round(seconds * rate)]
    quiet: Sound = (0.5 * y / np.abs(y).max()).astype(np.float32)
    return quiet


def stereo(left: Sound, right: Sound | None = None) -> Sound:
    """Return two channels, identical if only one is given."""
    return np.stack([left, left if right is None else right])


def claiming_wav(path: Path, *, rate: int, channels: int) -> Path:
    """Write 20,000 bytes of noise with a header that claims another shape."""
    noise = np.random.default_rng(1).integers(0, 256, 20_000, dtype=np.uint8).tobytes()
    shape = struct.pack("<HHIIHH", 1, channels, rate, rate * channels % 2**32, channels, 8)
    chunks = (b"fmt ", shape), (b"data", noise)
    body = b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
    return path


def write(path: Path, sound: Sound, kind: Kind, *, video: bool = False, start_s: int = 0) -> Path:
    """Encode samples of shape [channels, samples], with a black picture if requested.

    Each file is encoded once for all processes, as long as this module stays the same.
    """
    recipe = repr((path.suffix, kind, video, start_s, sound.shape)).encode()
    made = _encoded() / sha256(recipe + sound.tobytes()).hexdigest()
    if not made.exists():
        _encode(path, sound, kind, video, start_s)
        keeping.copy(path, made)
    shutil.copyfile(made, path)
    return path


@cache
def _encoded() -> Path:
    version = sha256(Path(__file__).read_bytes() + av.__version__.encode()).hexdigest()
    return keeping.folder(_ENCODED, version[:16], lambda _folder: None, days=1)


def _encode(path: Path, sound: Sound, kind: Kind, video: bool, start_s: int) -> None:
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(sound)]
    with av.open(str(path), mode="w", format=kind.container) as container:
        stream = container.add_stream(kind.codec, rate=kind.rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.options = {"strict": "experimental"}
        stream.bit_rate = 192_000
        if video:
            add_picture(container, seconds=sound.shape[1] / kind.rate)
        step = 4096
        for at in range(0, sound.shape[1], step):
            part = np.ascontiguousarray(sound[:, at : at + step])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = kind.rate, at + start_s * kind.rate
            frame.time_base = Fraction(1, kind.rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_tracks(path: Path, tracks: dict[str, Sound], rate: int) -> Path:
    """Write a file with several sound tracks by their titles."""
    return write_timed(path, [Track(sound, rate, title) for title, sound in tracks.items()])


@dataclass(frozen=True)
class Track:
    """One channel of sound that begins at ``start_s`` in a file; it may have none."""

    sound: Sound
    rate: int
    title: str = ""
    start_s: float = 0.0
    codec: str = "pcm_s16le"
    layout: str = "mono"


def write_timed(path: Path, tracks: Sequence[Track], options: dict[str, str] | None = None) -> Path:
    """Write a file with tracks that begin and end at their own times."""
    with av.open(str(path), mode="w", options=options or {}) as container:
        streams = []
        for track in tracks:
            stream = container.add_stream(track.codec, rate=track.rate, layout=track.layout)
            assert isinstance(stream, AudioStream)
            stream.metadata["title"] = track.title
            streams.append(stream)
        ends = (track.start_s + len(track.sound) / track.rate for track in tracks)
        for second in range(round(max(ends)) + 1):
            for stream, track in zip(streams, tracks, strict=True):
                for frame in _frames_within(track, stream, second):
                    container.mux(stream.encode(frame))
        for stream, track in zip(streams, tracks, strict=True):
            if len(track.sound):
                container.mux(stream.encode(None))
    return path


def _frames_within(track: Track, stream: AudioStream, second: int) -> Iterator[av.AudioFrame]:
    """Yield the sound that a track has within a second of the file."""
    at = round((second - track.start_s) * track.rate)
    part = track.sound[max(0, at) : max(0, at + track.rate)]
    if not len(part):
        return
    channels = av.AudioLayout(track.layout).nb_channels
    frame = av.AudioFrame.from_ndarray(
        np.repeat(part[np.newaxis], channels, axis=0), "fltp", track.layout
    )
    frame.sample_rate, frame.time_base = track.rate, Fraction(1, track.rate)
    frame.pts = round(track.start_s * track.rate) + max(0, at)
    converter = av.AudioResampler(stream.format.name, track.layout, track.rate)
    yield from converter.resample(frame)


def add_empty_tracks(path: Path, count: int) -> Path:
    """Repeat the sound track of an MP4 file that many times, without its samples."""
    data = path.read_bytes()
    at = data.rindex(b"moov") - 4
    index, head = _boxes_of(data[at + 8 :]), data[:at]
    (track,) = (content for name, content in index if name == b"trak")
    copies = [(b"trak", _emptied(track, number + 2)) for number in range(count)]
    moov = b"".join(_box(*box) for box in [*index, *copies])
    path.write_bytes(head + _box(b"moov", moov))
    return path


def _emptied(content: bytes, number: int) -> bytes:
    """Return a track box with another number and no samples."""
    made = b""
    for name, inner in _boxes_of(content):
        if name in (b"mdia", b"minf", b"stbl"):
            inner = _emptied(inner, number)
        elif name == b"tkhd":
            inner = inner[:12] + number.to_bytes(4) + inner[16:]
        elif name == b"stsz":
            inner = bytes(12)
        elif name in (b"stts", b"stsc", b"stco", b"stss"):
            inner = bytes(8)
        elif name in (b"sgpd", b"sbgp", b"edts"):
            continue
        made += _box(name, inner)
    return made


def _boxes_of(content: bytes) -> list[tuple[bytes, bytes]]:
    boxes, at = [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4])
        boxes.append((content[at + 4 : at + 8], content[at + 8 : at + length]))
        at += length
    return boxes


def _box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + name + content


def scrambled(data: bytes, first: float, last: float) -> bytes:
    """Scramble the sound of a transport stream between two shares of it."""
    packets = bytearray(data)
    count = len(data) // 188
    rng = np.random.default_rng(1)
    for at in range(int(count * first) * 188, int(count * last) * 188, 188):
        pid = (packets[at + 1] & 31) << 8 | packets[at + 2]
        adaptation = 1 + packets[at + 4] if packets[at + 3] & 0x20 else 0
        begin, end = at + 4 + adaptation, at + 188
        if 0x100 <= pid < 0x1000 and begin < end:
            packets[at + 3] |= 0x80
            packets[begin:end] = rng.integers(0, 256, end - begin, np.uint8).tobytes()
    return bytes(packets)


def sparse(path: Path, *, hours: int) -> Path:
    """Return bursts of noise a minute apart: few bytes that stand for hours."""
    with av.open(str(path), mode="w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        noise = np.random.default_rng(1).integers(-9000, 9000, (1, 100), dtype="<i2")
        for number in range(hours * 60):
            frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, number * 59 * 8000
            frame.time_base = Fraction(1, 8000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def wav(path: Path, sound: Sound, rate: int = 44_100) -> Path:
    """Write a plain 16-bit file."""
    return write(path, np.atleast_2d(sound), Kind(".wav", "pcm_s16le", rate=rate))


def repeat_ogg_headers(path: Path) -> Path:
    """Write the header packets of a Vorbis file once more, on a page of their own."""
    data = path.read_bytes()
    pages = [part for part in data.split(b"OggS") if part]
    headers = pages[0][23 + pages[0][22] :], pages[1][23 + pages[1][22] :]
    # The first page holds one packet, the second one the two others.
    sizes = bytes([len(headers[0])]) + pages[1][23 : 23 + pages[1][22]]
    start = b"OggS" + pages[1][:18]  # up to the checksum
    body = bytes([len(sizes)]) + sizes + b"".join(headers)
    checked = _ogg_checksum(start + bytes(4) + body).to_bytes(4, "little")
    audio_at = 8 + len(pages[0]) + len(pages[1])
    path.write_bytes(data[:audio_at] + start + checked + body + data[audio_at:])
    return path


def _ogg_checksum(page: bytes) -> int:
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1) ^ (0x104C11DB7 if checksum & 0x80000000 else 0)
    return checksum


def add_picture(container: av.container.OutputContainer, *, seconds: float) -> None:
    """Add a black picture of that length; all other streams must exist already."""
    stream = container.add_stream("mpeg4", rate=5)
    stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
    for number in range(int(5 * seconds)):
        frame = av.VideoFrame(64, 64, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.pts, frame.time_base = number, Fraction(1, 5)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def read_exactly(path: Path) -> NDArray[np.int32]:
    """Return all samples as 32-bit integers, one row per channel."""
    with av.open(str(path)) as container:
        convert = av.AudioResampler(format="s32p")
        parts = [
            out.to_ndarray()
            for frame in container.decode(audio=0)
            for out in convert.resample(frame)
        ]
    return np.concatenate(parts, axis=1, dtype=np.int32)


def silent_wav(path: Path, *, seconds: int) -> Path:
    """Write silence of any length at 8 kHz without holding it in memory."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        for _ in range(0, seconds, 60):
            file.writeframes(bytes(2 * 8000 * 60))
    return path
