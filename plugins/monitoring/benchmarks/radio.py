"""A radio server on 127.0.0.1 that knows which byte was on the air when.

It paces encoded sound like Icecast, with a burst of the past and titles, or serves it
as segments of HLS, and has faults at stated times. Its time may pass faster than that
of the machine.
"""

from __future__ import annotations

import bisect
import io
import socketserver
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np

from benchmarks.encoded import encode
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.ogg import OggLinks

STEP_S: Final = 0.01  # of the machine's time
BURST_BYTES: Final = 64 * 1024
TITLE_BYTES: Final = 16_000
# A packet is whole only with what surrounds it.
PAGED: Final = frozenset({".ogg", ".ts"})

DROP: Final = "drop"
"""Connections are closed; the source goes on, and new ones are taken at once."""
DOWN: Final = "down"
"""Connections are closed, and refused for a while."""
PAUSE: Final = "pause"
"""The source makes nothing for a while; connections stay open."""
HOLD: Final = "hold"
"""Nothing is sent for a while, and all of it later."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault from a second on, for some seconds."""

    kind: str
    at: float
    seconds: float = 0.0

    @property
    def end(self) -> float:
        """Second at which it is over."""
        return self.at + self.seconds


@dataclass(frozen=True, slots=True)
class SentSound:
    """Encoded sound, and the second at which each packet ends."""

    data: bytes
    suffix: str
    ends: tuple[int, ...]
    times: tuple[float, ...]

    def byte_at(self, second: float) -> int:
        """Return how many bytes are made by a second."""
        at = bisect.bisect_right(self.times, second)
        return self.ends[at - 1] if at else 0

    def second_at(self, byte: int) -> float:
        """Return the second at which the sound before a byte ends."""
        at = bisect.bisect_right(self.ends, byte)
        return self.times[at - 1] if at else 0.0

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.times[-1]

    def begin_at(self, byte: int) -> tuple[bytes, int]:
        """Return what a listener is sent first who joins near a byte, and from where."""
        if self.suffix != ".ogg" or byte == 0:
            return b"", byte
        links = OggLinks()
        for _ in links.take(self.data[:byte]):
            pass
        return links.head, self.data.find(b"OggS", byte)


@cache
def encoded(music: Path, seconds: float, codec: str, suffix: str) -> SentSound:
    """Return the music of a folder, one piece after the other, as a programme."""
    return programme(encode(music, seconds, codec, suffix), suffix)


def programme(data: bytes, suffix: str) -> SentSound:
    """Return encoded bytes with the times of their packets."""
    if suffix == ".mp3":
        data = data[_after_mp3_head(data) :]
    ends: list[int] = []
    times: list[float] = []
    with av.open(io.BytesIO(data), mode="r") as source:
        stream = source.streams.audio[0]
        time = 0.0
        for packet in source.demux(stream):
            if not packet.size or packet.pos is None or packet.pos < 0:
                continue
            frames = packet.duration * packet.time_base if packet.duration else 0
            time += float(frames)
            if suffix in PAGED and ends and ends[-1] == packet.pos:
                times[-1] = time  # of the page
                continue
            ends.append(packet.pos + (0 if suffix in PAGED else packet.size))
            times.append(time)
    if suffix in PAGED:
        ends = [*ends[1:], len(data)]
    ends[-1] = len(data)
    return SentSound(data, suffix, tuple(ends), tuple(times))


@dataclass(frozen=True, slots=True)
class Segments:
    """How a programme is served as segments of equal length in seconds."""

    seconds: float = 6.0
    window: int = 5
    anew: frozenset[int] = frozenset()
    """Numbers before which the container begins anew."""
    lost: frozenset[int] = frozenset()
    """Numbers that cannot be had."""
    restart: int | None = None
    """The number at which the encoder restarts and counts from 0 again."""

    def playlist(self, radio: Radio, now: float) -> str:
        """Return the media playlist of a second."""
        made = int(radio.second(now) / self.seconds)
        first = max(0, made - self.window)
        if self.restart is not None and made > self.restart:
            first = max(first, self.restart)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:3",
            f"#EXT-X-TARGETDURATION:{self.seconds:g}",
            f"#EXT-X-MEDIA-SEQUENCE:{self._number(first, made)}",
        ]
        for number in range(first, made):
            if number in self.anew:
                lines.append("#EXT-X-DISCONTINUITY")
            if number in self.lost:
                lines.append("#EXT-X-GAP")
            lines += [f"#EXTINF:{self.seconds:g},", f"segment-{number}"]
        return "\n".join(lines) + "\n"

    def bytes_of(self, played: SentSound, number: int) -> bytes:
        """Return a segment, counted from the start of the programme."""
        begin = played.byte_at(number * self.seconds)
        return played.data[begin : played.byte_at((number + 1) * self.seconds)]

    def _number(self, number: int, made: int) -> int:
        after = self.restart is not None and made > self.restart
        return number - (self.restart or 0) if after else number


MASTER: Final = b"""#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1,mp4a"
missing.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=130000,CODECS="mp4a.40.2"
live.m3u8
"""


class Radio:
    """Serves a programme; a context manager.

    Paths: ``/live`` as Icecast does, ``/icy`` with the first line of SHOUTcast,
    ``/live.m3u`` and ``/live.pls`` lead there; ``/noise``, ``/page``, ``/loop`` and
    ``/drip`` are what they say.
    """

    def __init__(
        self,
        played: SentSound,
        clock: Clock,
        faults: Sequence[Broken] = (),
        *,
        burst_bytes: int = BURST_BYTES,
        begin_s: float = 30.0,
        segments: Segments | None = None,
    ) -> None:
        self.segments = segments or Segments()
        self.played = played
        self.clock = clock
        self.faults = tuple(faults)
        self.burst_bytes = burst_bytes
        self.titles = ["First title", "Second title"]
        self._begin_s = begin_s
        self._stopped = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = self.clock.monotonic()
        self.on_air = self.clock.utc().timestamp() - self._begin_s
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Address of the server, without a path."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def now(self) -> float:
        """Seconds since the server started."""
        return self.clock.monotonic() - self._started

    def second(self, now: float) -> float:
        """Return up to which second of the programme the source has made sound."""
        paused = sum(
            max(0.0, min(now, fault.end) - fault.at) for fault in self.faults if fault.kind == PAUSE
        )
        return self._begin_s + now - paused

    def paused_s(self) -> float:
        """Return for how long the source made nothing."""
        return sum(fault.seconds for fault in self.faults if fault.kind == PAUSE)

    def aired_at(self, byte: int) -> float:
        """Return UTC in seconds at which the sound before a byte was on the air."""
        second = self.played.second_at(byte)
        at = second - self._begin_s
        for fault in sorted(self.faults, key=lambda fault: fault.at):
            if fault.kind == PAUSE and fault.at < at:
                at += fault.seconds
        return self.on_air + self._begin_s + at

    def is_down(self, now: float) -> bool:
        """Return whether connections are refused."""
        return any(f.kind == DOWN and f.at <= now < f.end for f in self.faults)

    def closes(self, since: float, now: float) -> bool:
        """Return whether a connection of ``since`` is closed by now."""
        kinds = (DROP, DOWN)
        return any(f.kind in kinds and since < f.at <= now for f in self.faults)

    def holds(self, now: float) -> bool:
        """Return whether nothing is sent now."""
        return any(f.kind == HOLD and f.at <= now < f.end for f in self.faults)

    def wait(self, seconds: float) -> bool:
        """Wait seconds of the machine; return whether the server is stopping."""
        return self._stopped.wait(seconds)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 200

    def __init__(self, radio: Radio) -> None:
        self.radio = radio
        super().__init__(("127.0.0.1", 0), _Listened)


class _Listened(socketserver.StreamRequestHandler):
    """One connection of a listener."""

    def handle(self) -> None:
        radio = self.server.radio  # type: ignore[attr-defined]
        if radio.is_down(radio.now):
            return
        request = self.rfile.readline(1000).decode("latin-1").split()
        wants_titles = False
        while (line := self.rfile.readline(1000)).strip():
            wants_titles |= line.lower().startswith(b"icy-metadata: 1")
        path = request[1].split("?")[0] if len(request) > 1 else "/"
        with suppress(OSError):
            self._answer(radio, path, wants_titles)

    def _answer(self, radio: Radio, path: str, wants_titles: bool) -> None:
        match path:
            case "/live" | "/icy":
                self._live(radio, wants_titles, of_shoutcast=path == "/icy")
            case "/live.m3u":
                self._whole(b"#EXTM3U\n#EXTINF:-1,Radio\n/live\n", "audio/x-mpegurl")
            case "/live.pls":
                lead = f"[playlist]\nFile1={radio.address}/live\n".encode()
                self._whole(lead, "audio/x-scpls")
            case "/page":
                self._whole(b"<!DOCTYPE html><p>Listen now!", "text/html")
            case "/loop":
                self.wfile.write(b"HTTP/1.0 302 Found\r\nLocation: /loop\r\n\r\n")
            case "/noise":
                self._noise(radio)
            case "/drip":
                self._drip(radio)
            case _ if path.startswith("/hls/"):
                self._hls(radio, path)
            case _:
                self.wfile.write(b"HTTP/1.0 404 Not Found\r\n\r\n")

    def _whole(self, data: bytes, content_type: str) -> None:
        head = f"HTTP/1.0 200 OK\r\nContent-Type: {content_type}\r\n\r\n"
        self.wfile.write(head.encode() + data)

    def _hls(self, radio: Radio, path: str) -> None:
        match path:
            case "/hls/master.m3u8":
                self._whole(MASTER, "application/vnd.apple.mpegurl")
            case "/hls/live.m3u8":
                offer = radio.segments.playlist(radio, radio.now).encode()
                self._whole(offer, "application/vnd.apple.mpegurl")
            case _ if path.startswith("/hls/segment-"):
                self._segment(radio, int(path.removeprefix("/hls/segment-")))

    def _segment(self, radio: Radio, number: int) -> None:
        if radio.is_down(radio.now):
            return
        self._whole(radio.segments.bytes_of(radio.played, number), "video/mp2t")

    def _noise(self, radio: Radio) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
        rng = np.random.default_rng(3)
        while not radio.wait(STEP_S):
            # No byte with which a frame of sound begins.
            self.wfile.write(rng.integers(1, 60, 4000, dtype=np.uint8).tobytes())

    def _drip(self, radio: Radio) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Header: ")
        while not radio.wait(STEP_S):
            self.wfile.write(b"x")

    def _live(self, radio: Radio, wants_titles: bool, *, of_shoutcast: bool) -> None:
        since = radio.now
        first = "ICY 200 OK" if of_shoutcast else "HTTP/1.0 200 OK"
        head = f"{first}\r\nContent-Type: audio/mpeg\r\nicy-name: Radio\r\n"
        if wants_titles:
            head += f"icy-metaint: {TITLE_BYTES}\r\n"
        self.wfile.write(head.encode() + b"\r\n")
        sender = _Sender(radio, wants_titles)
        at = max(0, radio.played.byte_at(radio.second(since)) - radio.burst_bytes)
        first_pages, at = radio.played.begin_at(at)
        self.wfile.write(sender.with_titles(first_pages))
        while not radio.wait(STEP_S):
            now = radio.now
            if radio.closes(since, now):
                return
            if radio.holds(now):
                continue
            until = radio.played.byte_at(radio.second(now))
            if until >= len(radio.played.data) and at >= until:
                return
            if until > at:
                self.wfile.write(sender.with_titles(radio.played.data[at:until]))
                at = until


@dataclass(slots=True)
class _Sender:
    """Puts titles between the bytes of one connection."""

    radio: Radio
    wants_titles: bool
    bytes_to_title: int = TITLE_BYTES
    title_number: int = 0
    out: bytearray = field(default_factory=bytearray)

    def with_titles(self, data: bytes) -> bytes:
        if not self.wants_titles:
            return data
        self.out.clear()
        while data:
            part, data = data[: self.bytes_to_title], data[self.bytes_to_title :]
            self.out += part
            self.bytes_to_title -= len(part)
            if not self.bytes_to_title:
                self.bytes_to_title = TITLE_BYTES
                self.out += self._title()
        return bytes(self.out)

    def _title(self) -> bytes:
        if self.title_number >= len(self.radio.titles):
            return b"\0"
        text = f"StreamTitle='{self.radio.titles[self.title_number]}';".encode()
        self.title_number += 1
        blocks = -(-len(text) // 16)
        return bytes([blocks]) + text.ljust(16 * blocks, b"\0")


def parts_of(ring: Sequence[bytes], played: SentSound) -> list[tuple[int, int]]:
    """Return the intervals of a programme's bytes that the parts of a ring hold.

    Raises ``ValueError`` for bytes that the programme does not have.
    """
    plays = []
    for part in ring:
        # A head is sent to whoever joins, whatever was on the air then.
        at = played.data.find(part)
        while at < 0 and played.suffix == ".ogg":
            following = part.find(b"OggS", 1)
            if following < 0:
                break
            part = part[following:]
            at = played.data.find(part)
        if at < 0:
            raise ValueError("the ring holds bytes that were never sent")
        plays.append((at, at + len(part)))
    return plays


def _after_mp3_head(data: bytes) -> int:
    """Return where sound begins after the tag and the frame that states the length."""
    begin = 0
    if data.startswith(b"ID3"):
        size = _tag_size(data[6:10])
        begin = 10 + size
    with av.open(io.BytesIO(data), mode="r") as source:
        packets = source.demux(audio=0)
        first = next(packets)
        return max(begin, first.pos or 0)


def _tag_size(raw: bytes) -> int:
    """Return the size in an ID3 tag, seven bits a byte."""
    return sum(byte << (7 * (3 - at)) for at, byte in enumerate(raw))
