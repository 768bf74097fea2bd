"""The caller's side of a listener: give bytes, take landmarks."""

from __future__ import annotations

import dataclasses
import json
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

from recognition.errors import DecodeFailed, RecognitionError
from recognition.isolation import client, wire
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits
from recognition.streaming import feeds
from recognition.streaming.listening import PIECE
from recognition.streaming.pieces import RunPiece

# A listener of a busy stream uses 22 hours of processor time in a year.
MAX_CPU_S: Final = 7 * 24 * 3600
MEMORY_BYTES: Final = 1 << 28
PATIENCE_BYTES: Final = 256 * 1024
MESSAGE_S: Final = 10.0
MAX_PENDING_BYTES: Final = 64 << 20
MAX_RATE: Final = 12_288_000


@dataclass(frozen=True, slots=True)
class HeardSound:
    """How far a run is decoded.

    ``points`` are the run's time in ms, the byte after the packet that ends there, and
    the byte with which it had arrived. ``why`` is empty while the run goes on.
    """

    points: tuple[tuple[int, int, int], ...]
    duration_ms: int
    byte: int
    codec: str
    container: str
    sample_rate: int
    channels: int
    why: str


class Listener:
    """One run: a child that decodes the bytes it is given, without waiting for it.

    A context manager that ends the child. ``why`` is set when the run has ended.
    """

    def __init__(self, *, patience_bytes: int = PATIENCE_BYTES) -> None:
        ours, theirs = socket.socketpair()
        limits = DecodeLimits(max_memory_bytes=MEMORY_BYTES, max_cpu_s=MAX_CPU_S)
        request = {
            "job": "listen",
            "patience_bytes": patience_bytes,
            "limits": dataclasses.asdict(limits),
            "output_bytes": 0,
        }
        with theirs:
            try:
                self._child = client.begin(request, [theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        self._feed = ours
        self._begun = time.monotonic()
        self._pending: deque[memoryview] = deque()
        self._pending_bytes = 0
        self._is_ending = False
        self.why = ""
        self.error: RecognitionError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child, whatever it does."""
        self._feed.close()
        self._child.close()

    def feed(self, data: bytes) -> None:
        """Give it the next bytes; it fails if it takes none for long."""
        self._give(feeds.sound(data))

    def cut(self) -> None:
        """Say that a new container begins here."""
        self._give(feeds.cut())

    def end(self) -> None:
        """Say that no more bytes will come; ``take`` returns the remaining results."""
        self._is_ending = True
        self.pump()

    def pump(self) -> None:
        """Pass on as many bytes as the child has room for."""
        try:
            while self._pending:
                sent = self._feed.send(self._pending[0])
                self._pending_bytes -= sent
                unsent = self._pending[0][sent:]
                if unsent:
                    self._pending[0] = unsent
                else:
                    self._pending.popleft()
            if self._is_ending:
                self._feed.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:  # its last message says how it ended
            self._pending.clear()
            self._pending_bytes = 0

    @property
    def is_behind(self) -> bool:
        """Whether bytes wait for the child."""
        return bool(self._pending)

    def take(self) -> Iterator[RunPiece | HeardSound]:
        """Yield what the child has said by now; ``why`` is set after its last words.

        What goes wrong is kept as ``error``.
        """
        self.pump()
        while not self.why and self._has_spoken():
            try:
                message = self._child.next(time.monotonic() + MESSAGE_S)
                if message is None:
                    self.why = self.why or "ended"
                    return
                yield from self._read(*message)
            except RecognitionError as error:
                self.error = error
                self.why = "failed"

    def finish(self) -> Iterator[RunPiece | HeardSound]:
        """End the run and yield all that is left; waits for the child."""
        self.end()
        deadline = time.monotonic() + client.START_S
        while not self.why and time.monotonic() < deadline:
            yield from self.take()
            if not self.why:
                writing = [self._feed] if self._pending else []
                select.select([self._child], writing, [], 1.0)

    def _give(self, message: bytes) -> None:
        self._pending.append(memoryview(message))
        self._pending_bytes += len(message)
        if self._pending_bytes > MAX_PENDING_BYTES:
            self.error = DecodeFailed("The listening process does not keep up.")
            self.why = "failed"
            self._pending.clear()
            self._pending_bytes = 0
        self.pump()

    def _has_spoken(self) -> bool:
        return bool(select.select([self._child], [], [], 0)[0])

    def _read(self, kind: MessageKind, body: bytes) -> Iterator[RunPiece | HeardSound]:
        try:
            match kind:
                case MessageKind.LANDMARKS:
                    first, row, duration_ms = PIECE.unpack_from(body)
                    yield RunPiece(first, row, duration_ms, body[PIECE.size :])
                case MessageKind.HEARD:
                    yield _read_heard_sound(json.loads(body))
                case MessageKind.STARTED:
                    pass
                case _:
                    raise wire.BrokenMessage(f"unexpected message {kind.name}")
        except wire.UNREADABLE as error:
            raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error


def _read_heard_sound(fields: dict[str, Any]) -> HeardSound:  # Any: JSON
    return HeardSound(
        points=tuple((int(ms), int(b), int(last)) for ms, b, last in fields["points"]),
        duration_ms=int(fields["duration_ms"]),
        byte=int(fields["heard"]),
        codec=str(fields["codec"])[:40],
        container=str(fields["container"])[:100],
        sample_rate=min(MAX_RATE, int(fields["sample_rate"])),
        channels=min(255, int(fields["channels"])),
        why=str(fields["why"])[:20],
    )
