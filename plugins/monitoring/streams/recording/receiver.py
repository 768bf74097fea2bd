"""Receives bytes at the pace that is allowed, and hands over what arrived.

What arrives goes into a queue, with the time of its arrival.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from time import thread_time
from typing import Final, TypeVar

from base.common import http
from base.common.http import LiveBody
from base.common.packed import unpacked
from plugins.monitoring.streams.recording.arrivals import Arrival, Chunk, Halted, Opened
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.pace import REQUEST_BYTES, Pace
from plugins.monitoring.streams.recording.playlists import ListedPart

QUEUED: Final = 256
QUEUED_BYTES: Final = 64 << 20
TICK_S: Final = 0.25
FIRST_BYTE_S: Final = 30.0
MINUTE_S: Final = 60.0

Read = TypeVar("Read")


class Receiver:
    """What each way to read a stream uses: the queue, the pace, and requests that end."""

    def __init__(self, clock: Clock, pace: Pace) -> None:
        self._clock = clock
        self._pace = pace
        self._halt = threading.Event()
        self._body: LiveBody | None = None
        self._has_opened = False
        self._arrivals: queue.Queue[Arrival] = queue.Queue(QUEUED)
        # Each is written by one thread only.
        self._put_bytes = self._taken_bytes = 0

    def halt(self) -> None:
        """End it; the thread may live on for as long as a name takes to resolve."""
        self._halt.set()
        body = self._body
        if body is not None:
            body.stop()

    def arrived(self) -> Iterator[Arrival]:
        """Yield what has arrived; wait a moment if that is nothing."""
        try:
            arrival = self._arrivals.get(timeout=self._clock.real(TICK_S))
            while True:
                self._taken_bytes += _size_of(arrival)
                yield arrival
                arrival = self._arrivals.get_nowait()
        except queue.Empty:
            return

    def put(self, arrival: Arrival) -> None:
        """Hand over what arrived. Raises ``Halted``."""
        self._has_opened = self._has_opened or isinstance(arrival, Opened)
        size = _size_of(arrival)
        while self._put_bytes + size - self._taken_bytes > QUEUED_BYTES:
            self.pause(TICK_S)
        self._put_bytes += size
        while not self._halt.is_set():
            try:
                self._arrivals.put(arrival, timeout=1.0)
            except queue.Full:
                continue
            return
        raise Halted

    def keep_pace(self, received: int) -> None:
        """Wait until more than these bytes may be read. Raises ``Halted``."""
        self._pace.receive(received)
        while (wait_s := self._pace.hold_s()) > 0:
            self.pause(min(wait_s, 1.0))

    def parse(self, read: Callable[[str, str], Read], text: str, url: str) -> Read:
        """Read a playlist, as seldom as its cost demands. Raises ``Halted``."""
        self.keep_pace(0)
        begun = thread_time()
        try:
            return read(text, url)
        finally:
            self._pace.work(thread_time() - begun)

    def pause(self, seconds: float) -> None:
        """Wait. Raises ``Halted``."""
        if self._halt.wait(self._clock.real(seconds)):
            raise Halted

    def now(self) -> float:
        """Return UTC in seconds since 1970."""
        return self._clock.utc().timestamp()

    def fetch(self, part: ListedPart, max_bytes: int) -> tuple[str, bytes]:
        """Fetch something that ends; return where it was, and its bytes."""
        headers = {}
        if part.range is not None:
            headers["Range"] = f"bytes={part.range[0]}-{part.range[1] - 1}"
        with http.opened(
            part.url,
            headers=headers,
            first_byte_seconds=self._clock.real(FIRST_BYTE_S),
            quiet_seconds=self._clock.real(FIRST_BYTE_S),
        ) as body:
            self._hold(body)
            data = body.read_all(max_bytes, seconds=self._clock.real(MINUTE_S))
            where = body.url
        self.keep_pace(max(REQUEST_BYTES, len(data)))
        data = unpacked(data, most=max_bytes)
        if part.range is not None and len(data) > part.range[1] - part.range[0]:
            data = data[part.range[0] : part.range[1]]
        return where, data

    def _hold(self, body: LiveBody) -> None:
        self._body = body
        if self._halt.is_set():
            raise Halted


def _size_of(arrival: Arrival) -> int:
    return len(arrival.data) if isinstance(arrival, Chunk) else 0
