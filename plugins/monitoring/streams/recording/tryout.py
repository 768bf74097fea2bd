"""Listen to addresses for a moment, before a stream is added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from plugins.monitoring.streams.recording import causes, hls
from plugins.monitoring.streams.recording.arrivals import Arrival, Chunk, Closed
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.connection import Connection
from plugins.monitoring.streams.recording.icy import SentTitle
from plugins.monitoring.streams.recording.pace import Pace
from recognition.errors import RecognitionError
from recognition.params import DEFAULT
from recognition.streaming.listener import HeardSound, Listener
from recognition.streaming.pieces import PieceCollector, RunPiece
from recognition.types import Fingerprint

# The first sound must come in this share of the time that an address gets.
FIRST_SHARE: Final = 0.6
MAX_TITLES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TryOut:
    """What was heard at the first address that plays; ``cause`` is why none does.

    ``bitrate`` is bits per second as received, 0 if unknown; ``landmarks`` is None if
    nothing was heard.
    """

    url: str
    codec: str
    sample_rate: int
    channels: int
    bitrate: int
    titles: tuple[str, ...]
    landmarks: Fingerprint | None
    cause: str = ""


def try_stream(urls: Sequence[str], seconds: float = 10, *, clock: Clock | None = None) -> TryOut:
    """Listen for ``seconds`` in total and return the results; it never raises for a
    server's faults.
    """
    clock = clock or Clock()
    until = clock.monotonic() + seconds
    heard = _Trial(urls[0] if urls else "", causes.NOTHING_HEARD).result()
    for at, url in enumerate(urls):
        remaining_s = until - clock.monotonic()
        if remaining_s <= 0:
            break
        heard = _tried(url, remaining_s, remaining_s / (len(urls) - at), clock)
        if heard.landmarks is not None:
            break
    return heard


def _tried(url: str, seconds: float, patience_s: float, clock: Clock) -> TryOut:
    """Listen to one address, and leave it early if nothing is heard."""
    trial = _Trial(url)
    begun = clock.monotonic()
    connection = Connection(url, clock, hls.HlsPlace(), Pace(clock))
    connection.start()
    with Listener() as listener:
        try:
            while not trial.is_over and not listener.why:
                passed = clock.monotonic() - begun
                silent = not trial.duration_ms and passed > patience_s * FIRST_SHARE
                if passed > seconds or (silent and patience_s < seconds):
                    break
                for arrival in connection.arrived():
                    trial.take(arrival, listener)
                trial.hear(listener.take())
        except RecognitionError as error:
            trial.cause = causes.of_listener(error)
        finally:
            connection.halt()
        if trial.received and not listener.why:
            trial.hear(listener.finish())
        if listener.error is not None:
            trial.cause = causes.of_listener(listener.error)
    return trial.result()


@dataclass(slots=True)
class _Trial:
    """What one address has sent so far."""

    url: str
    cause: str = ""
    is_over: bool = False
    received: int = 0
    duration_ms: int = 0
    sound: HeardSound | None = None
    titles: list[str] = field(default_factory=list)
    pieces: list[RunPiece] = field(default_factory=list)

    def take(self, arrival: Arrival, listener: Listener) -> None:
        if isinstance(arrival, Chunk):
            self.received += len(arrival.data)
            if arrival.begins_anew and self.received > len(arrival.data):
                listener.cut()
            listener.feed(arrival.data)
        elif isinstance(arrival, SentTitle):
            if len(self.titles) < MAX_TITLES and arrival.text:
                self.titles.append(arrival.text)
        elif isinstance(arrival, Closed):
            self.is_over = True
            self.cause = arrival.reason

    def hear(self, messages: Iterator[RunPiece | HeardSound]) -> None:
        for message in messages:
            if isinstance(message, RunPiece):
                self.pieces.append(message)
            else:
                self.sound = message
                self.duration_ms = message.duration_ms

    def result(self) -> TryOut:
        heard = self.sound
        if heard is None or not self.duration_ms:
            return TryOut(
                url=self.url,
                codec="",
                sample_rate=0,
                channels=0,
                bitrate=0,
                titles=tuple(self.titles),
                landmarks=None,
                cause=self.cause or causes.NOTHING_HEARD,
            )
        collected = PieceCollector(0, -(-self.duration_ms // int(DEFAULT.frame_ms)) + 1)
        for piece in self.pieces:
            collected.add(piece)
        return TryOut(
            url=self.url,
            codec=heard.codec,
            sample_rate=heard.sample_rate,
            channels=heard.channels,
            bitrate=heard.byte * 8000 // self.duration_ms,
            titles=tuple(self.titles),
            landmarks=collected.fingerprint(self.duration_ms),
        )
