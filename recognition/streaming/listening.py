"""The child's side of a listener: decode bytes while they arrive, send landmarks.

It runs in a confined process (see ``isolation``) for as long as its run goes on. One
child hears one run: where the format changes, or nothing can be decoded for a while, it
says up to which byte it heard, and ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.error import MemoryError as FFmpegMemoryError
from av.packet import Packet

from recognition.audio.declared import refuse_shape
from recognition.audio.decode import SAMPLE_RATE
from recognition.audio.mono import MonoConverter, samples_of
from recognition.audio.opened import open_container
from recognition.audio.streams import first_audio
from recognition.errors import UnsupportedMedia
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.builder import FingerprintBuilder
from recognition.isolation import wire
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits
from recognition.params import DEFAULT
from recognition.streaming import feeds
from recognition.types import Fingerprint, Landmarks

# Half a second: files are mixed to mono in blocks of 10 s, which nobody waits for here.
TOGETHER_S: Final = 0.5
REPORT_S: Final = Fraction(1, 2)
POINT_S: Final = Fraction(1, 4)
# RLIMIT_CPU counts from the start of a process, which here lives for months. This timer
# kills a decoder that hangs.
CPU_S_PER_MINUTE: Final = 30.0
MINUTE_S: Final = 60.0
PIECE: Final = struct.Struct("<QQQ")
"""First frame, first row of the level map, and the time in ms decided up to."""

# Containers that consist only of packets.
BARE: Final = frozenset({"mp3", "aac", "ac3", "eac3", "flac"})

ENDED: Final = "ended"
FORMAT: Final = "format"
NO_SOUND: Final = "no_sound"


def listen(
    talk: socket.socket, request: dict[str, Any], limits: DecodeLimits, fds: list[int]
) -> None:
    """Hear the run whose bytes arrive on the socket ``fds[0]``."""
    del limits  # confinement has applied them
    with socket.socket(fileno=fds[0]) as source:
        feed = ByteFeed(source, int(request["patience_bytes"]))
        Ear(talk, feed).hear()


class ByteFeed:
    """The file object that FFmpeg reads: no seeks, short reads, an end at each cut."""

    name = ""

    def __init__(self, source: socket.socket, patience_bytes: int) -> None:
        self._source = source
        self._patience = patience_bytes
        self._waiting = b""
        self._rearm_at = 0.0
        self._is_cut = False
        self.position = 0
        self.begin = 0
        """First byte of the current container."""
        self.heard = 0
        """End of the last packet that gave sound."""
        self.is_over = False
        self.lost_patience = False

    def next_container(self) -> None:
        """Go on after a cut."""
        self._is_cut = False
        self.begin = self.position
        self.heard = max(self.heard, self.begin)

    def read(self, size: int) -> bytes:
        """Return bytes, or nothing at the end of the container."""
        if self.position - self.heard > self._patience:
            self.lost_patience = True
        if self.is_over or self._is_cut or self.lost_patience:
            return b""
        self._limit_cpu()
        if not self._waiting:
            kind, data = self._message()
            if kind != feeds.SOUND:
                # FFmpeg may read again after an end.
                self._is_cut = True
                return b""
            self._waiting = data
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        self.position += len(part)
        return part

    def _message(self) -> tuple[int, bytes]:
        head = self._exactly(feeds.FRAME.size)
        if not head:
            self.is_over = True
            return feeds.CUT, b""
        kind, length = feeds.FRAME.unpack(head)
        return kind, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            try:
                part = self._source.recv(size - len(parts))
            except OSError:
                part = b""
            if not part and parts:
                # The caller is gone. PyAV would swallow an exception here.
                os._exit(0)
            if not part:
                return b""
            parts += part
        return bytes(parts)

    def _limit_cpu(self) -> None:
        now = time.monotonic()
        if now >= self._rearm_at:
            self._rearm_at = now + MINUTE_S
            signal.setitimer(signal.ITIMER_PROF, CPU_S_PER_MINUTE)


class Ear:
    """Decodes a feed, and sends landmarks and their source."""

    def __init__(self, talk: socket.socket, feed: ByteFeed) -> None:
        self._talk = talk
        self._feed = feed
        self._builder = FingerprintBuilder()
        self._converter = MonoConverter(SAMPLE_RATE, TOGETHER_S)
        self._format: tuple[str, int, int] | None = None
        self._container = ""
        self._rows = 0  # of the level map, sent
        self._samples = 0  # at 8 kHz, fed to the builder
        self._seconds = Fraction(0)  # of the source, decoded
        self._points: list[tuple[int, int, int]] = []
        self._pointed = Fraction(-1)
        self._reported = Fraction(0)

    def hear(self) -> None:
        """Decode until the run ends, and say why it ended."""
        why = ENDED
        while not self._feed.is_over and why == ENDED:
            why = self._hear_container()
            if self._feed.lost_patience:
                why = NO_SOUND
        for frame in self._converter.finish():
            self._feed_builder(frame)
        duration_ms = self._samples * 1000 // SAMPLE_RATE
        self._send_landmarks(self._builder.finish(duration_ms))
        self._report(why)

    def _hear_container(self) -> str:
        self._feed.next_container()
        try:
            container = open_container(self._feed)
        except FFmpegMemoryError:
            raise
        except (FFmpegError, ValueError, PermissionError) as error:
            if self._feed.position == self._feed.begin:
                return ENDED
            reason = getattr(error, "strerror", None) or "unknown content"
            if self._format is None:
                raise UnsupportedMedia(f"{reason}.") from error
            return NO_SOUND
        with container:
            return self._hear_packets(container)

    def _hear_packets(self, container: InputContainer) -> str:
        stream = first_audio(container)
        self._container = container.format.name
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except FFmpegMemoryError:
                raise
            except (FFmpegError, IndexError):
                return ENDED
            if packet is None:
                return ENDED
            for frame in self._decode_packet(packet):
                if not self._fits(stream, frame):
                    return FORMAT
                self._take(frame, packet)

    def _decode_packet(self, packet: Packet[AudioStream]) -> Iterator[AudioFrame]:
        try:
            yield from packet.decode()
        except FFmpegMemoryError:
            raise
        except FFmpegError:
            return  # a damaged frame; a run of them ends the feed's patience

    def _fits(self, stream: AudioStream, frame: AudioFrame) -> bool:
        """Note the first frame's format, and tell whether a later one has the same."""
        refuse_shape(frame.sample_rate, frame.layout.nb_channels)
        codec = stream.codec_context.name
        audio_format = (codec, frame.sample_rate, frame.layout.nb_channels)
        if self._format is None:
            self._format = audio_format
        return audio_format == self._format

    def _take(self, frame: AudioFrame, packet: Packet[AudioStream]) -> None:
        self._seconds += Fraction(frame.samples, frame.sample_rate)
        try:
            for made in self._converter.take(frame):
                self._feed_builder(made)
        except FFmpegMemoryError:
            raise
        except (FFmpegError, ValueError):
            return
        self._feed.heard = end = self._end_of(packet)
        if self._seconds - self._pointed >= POINT_S:
            self._pointed = self._seconds
            # Elsewhere a packet is known only with what surrounds it: a page, a segment.
            arrived = end if self._container in BARE else self._feed.position
            self._points.append((int(self._seconds * 1000), end, arrived))
        if self._seconds - self._reported >= REPORT_S:
            self._report("")

    def _end_of(self, packet: Packet[AudioStream]) -> int:
        """Return the run's byte from which on later packets can be decoded."""
        if not packet.size:  # the decoder's rest, at the end
            return self._feed.heard
        if packet.pos is None or packet.pos < 0:
            return self._feed.position
        size = packet.size if self._container in BARE else 0
        return min(self._feed.position, self._feed.begin + packet.pos + size)

    def _feed_builder(self, frame: AudioFrame) -> None:
        block = samples_of(frame)
        self._samples += len(block)
        self._builder.feed(block)

    def _report(self, why: str) -> None:
        self._reported = self._seconds
        taken = self._builder.take()
        if not _is_empty(taken):
            self._send_landmarks(taken)
        codec, rate, channels = self._format or ("", 0, 0)
        fields = {
            "points": self._points,
            "duration_ms": int(self._seconds * 1000),
            "heard": self._feed.heard,
            "codec": codec,
            "container": self._container,
            "sample_rate": rate,
            "channels": channels,
            "why": why,
        }
        self._points = []
        wire.send(self._talk, MessageKind.HEARD, json.dumps(fields).encode())

    def _send_landmarks(self, made: Fingerprint) -> None:
        first, moved = moved_to_zero(made)
        head = PIECE.pack(first, self._rows, made.duration_ms)
        if made.level_map is not None:
            self._rows += len(made.level_map.levels)
        body = head + fingerprint.to_bytes(moved)
        wire.send(self._talk, MessageKind.LANDMARKS, body)


def _is_empty(made: Fingerprint) -> bool:
    layers = (made.reference, made.dense)
    rows = 0 if made.level_map is None else len(made.level_map.levels)
    return not rows and not any(layer and len(layer.frames) for layer in layers)


def moved_to_zero(made: Fingerprint) -> tuple[int, Fingerprint]:
    """Return a piece's first frame, and the piece with frames that count from there."""
    layers = [layer for layer in (made.reference, made.dense) if layer is not None]
    firsts = [int(layer.frames[0]) for layer in layers if len(layer.frames)]
    first = min(firsts, default=0)
    lasts = [int(layer.frames[-1]) for layer in layers if len(layer.frames)]
    length = max(lasts, default=first) - first + 1
    rows = 0 if made.level_map is None else len(made.level_map.levels)
    length = max(length, rows * DEFAULT.map_frames)
    return first, Fingerprint(
        duration_ms=int(length * DEFAULT.frame_ms),
        params_hash=made.params_hash,
        reference=_move_landmarks(made.reference, -first),
        dense=_move_landmarks(made.dense, -first),
        level_map=made.level_map,
    )


def _move_landmarks(landmarks: Landmarks | None, by: int) -> Landmarks | None:
    if landmarks is None:
        return None
    return landmarks.moved(by)
