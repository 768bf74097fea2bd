"""Join a new connection to the recorded bytes where the server repeats the past.

Icecast sends some seconds of the past on connecting. If they contain the end of what was
recorded, nothing is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KEY_BYTES: Final = 2048
TAIL_BYTES: Final = 64 * 1024
MAX_BURST: Final = 1 << 20
DECIDE_S: Final = 1.5
MAX_PLACES: Final = 1000


@dataclass(frozen=True, slots=True)
class Joined:
    """The part after the recorded bytes, or everything if it does not continue them.

    ``repeated`` holds the bytes before, which the recorder already had.
    """

    continues: bool
    repeated: bytes
    chunks: tuple[tuple[bytes, float], ...]


class Splice:
    """Takes the first bytes of a connection until it is clear whether they continue.

    ``tail`` is the end of what was recorded, ``expected`` the bytes that would have
    arrived since, which decides where the same bytes repeat (silence).
    """

    def __init__(self, tail: bytes, bytes_per_s: float, last_at: float) -> None:
        self._key = tail[-KEY_BYTES:]
        self._bytes_per_s = bytes_per_s
        self._last_at = last_at
        self._begun: float | None = None
        self._chunks: list[tuple[bytes, float]] = []
        self._bytes = bytearray()

    def take(self, data: bytes, at: float) -> Joined | None:
        """Add bytes that arrived at ``at``; return the decision once it is clear."""
        if self._begun is None:
            self._begun = at
        self._chunks.append((data, at))
        self._bytes += data
        place = self._place(at)
        if place is not None:
            return self._from(place)
        if len(self._key) < KEY_BYTES or len(self._bytes) > MAX_BURST:
            return self.give_up()
        return self.decide(at)

    def decide(self, now: float) -> Joined | None:
        """Give up once the burst must have arrived."""
        waited = self._begun is not None and now - self._begun > DECIDE_S
        return self.give_up() if waited else None

    def give_up(self) -> Joined:
        """Return everything as a new beginning."""
        return Joined(False, b"", tuple(self._chunks))

    def _place(self, now: float) -> int | None:
        if len(self._key) < KEY_BYTES:
            return None
        places: list[int] = []
        at = self._bytes.find(self._key)
        while at >= 0 and len(places) < MAX_PLACES:
            places.append(at + KEY_BYTES)
            at = self._bytes.find(self._key, at + 1)
        if not places:
            return None
        # The newest byte is of now.
        likely = len(self._bytes) - (now - self._last_at) * self._bytes_per_s
        return min(places, key=lambda place: abs(place - likely))

    def _from(self, place: int) -> Joined:
        tail, at = [], 0
        for data, arrived in self._chunks:
            part = data[max(0, place - at) :]
            if part:
                tail.append((part, arrived))
            at += len(data)
        return Joined(True, bytes(self._bytes[:place]), tuple(tail))
