"""How fast a stream is read: its bytes, its sound, which arrives as fast as it plays, and
its playlists, which take time of the processor.

A server that sends faster is read no faster, as players do. So nothing is lost of one
that catches up after an outage, and none fills the disk.
"""

from __future__ import annotations

import threading
from typing import Final

from plugins.monitoring.streams.recording import causes
from plugins.monitoring.streams.recording.clocks import Clock

BYTES_PER_S: Final = 2_000_000
# Three segments of a large video, with which listening begins.
BURST_BYTES: Final = 32 << 20
# What a request, and the process of a run, cost at least.
REQUEST_BYTES: Final = 32 << 10
RUN_BYTES: Final = 1 << 20
# Servers send some of the past on connecting: 64 kB are 65 s of speech.
BURST_S: Final = 300.0
# An outage after which all is caught up with.
OUTAGE_S: Final = 24 * 3600.0
# A server that has sent hours at once is read again after this.
MOST_AHEAD_S: Final = 600.0
# Seconds of sound in a second: clocks of encoders are off by less.
SOUND_PER_S: Final = 1.001
# The processor's time for playlists in a second, about as much as listening takes. A
# machine may record a hundred streams.
WORK_PER_S: Final = 0.02
BURST_WORK_S: Final = 1.0
# For so long the page says that a server was held back.
SHOWN_S: Final = 60.0


class Pace:
    """What one stream may send now, across its connections; used by two threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        now = clock.monotonic()
        self._bytes = _Budget(now, BYTES_PER_S, BURST_BYTES, BURST_BYTES)
        self._sound = _Budget(now, SOUND_PER_S, BURST_S, OUTAGE_S)
        self._work = _Budget(now, WORK_PER_S, BURST_WORK_S, BURST_WORK_S)
        self._held: tuple[float, str] | None = None

    def receive(self, size: int) -> None:
        """Note bytes that arrived."""
        with self._lock:
            self._bytes.spend(self._clock.monotonic(), size)

    def hear(self, seconds: float) -> None:
        """Note sound that was decoded."""
        with self._lock:
            self._sound.spend(self._clock.monotonic(), seconds, MOST_AHEAD_S)

    def work(self, seconds: float) -> None:
        """Note the processor's time that a playlist took."""
        with self._lock:
            self._work.spend(self._clock.monotonic(), seconds)

    def hold_s(self) -> float:
        """Return for how many seconds nothing may be read."""
        with self._lock:
            now = self._clock.monotonic()
            waits = (
                (self._sound.wait_s(now), causes.TOO_FAST),
                (self._bytes.wait_s(now), causes.TOO_MANY_BYTES),
                (self._work.wait_s(now), causes.TOO_LONG_LISTS),
            )
            wait_s, cause = max(waits)
            if wait_s > 0:
                self._held = now, cause
            return wait_s

    @property
    def cause(self) -> str:
        """Why the server was held back lately; empty if it was not."""
        held = self._held
        if held is None or self._clock.monotonic() - held[0] > SHOWN_S:
            return ""
        return held[1]


class _Budget:
    """An amount that grows with time up to a limit, and may be overdrawn."""

    def __init__(self, now: float, per_s: float, level: float, most: float) -> None:
        self._at, self._per_s, self._level, self._most = now, per_s, level, most

    def spend(self, now: float, amount: float, most_owed: float = float("inf")) -> None:
        self._grow(now)
        self._level = max(-most_owed, self._level - amount)

    def wait_s(self, now: float) -> float:
        self._grow(now)
        return max(0.0, -self._level / self._per_s)

    def _grow(self, now: float) -> None:
        grown = self._level + (now - self._at) * self._per_s
        self._at, self._level = now, min(self._most, grown)
