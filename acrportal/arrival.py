"""Tracks how much of a request has arrived: its head, its body, its declared length.

The web worker reads connections without a thread until this class says that a thread
would not wait for the client. It parses only the framing; gunicorn parses the same
bytes again and refuses malformed requests.
"""

from __future__ import annotations

import time
from enum import Enum

HEAD_BYTES = 64 * 1024
# Covers forms, JSON and usual callbacks; upload threads read larger bodies.
SMALL_BODY_BYTES = 64 * 1024
# The signature of these paths is inside the body, so the whole body precedes any check.
SIGNED_BODY_PATHS = (b"/v1/identify",)
SIGNED_BODY_BYTES = 8 * 1024**2
GRACE_SECONDS = 15.0
# The slowest uplink that people upload over.
BYTES_PER_SECOND = 4 * 1024

_LINE_END = b"\r\n"
_HEAD_END = b"\r\n\r\n"


class Stage(Enum):
    """The next step for a connection."""

    WAIT = "wait"
    WHOLE = "whole"
    LARGE = "large"
    HEAD_TOO_LARGE = "head too large"


class Arrival:
    """The bytes of one request received so far."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.data = bytearray()
        self.expects_continue = False
        self._body_at = -1
        self._body_bytes: int | None = 0
        self._buffered_bytes = SMALL_BODY_BYTES
        self._chunk_at = 0

    @property
    def deadline(self) -> float:
        """Return when the request must be complete, at the slowest accepted rate."""
        return deadline(self.begun, len(self.data))

    @property
    def has_head(self) -> bool:
        """Tell whether all headers have arrived."""
        return self._body_at >= 0

    def add(self, data: bytes) -> Stage:
        """Add received bytes; return the next step."""
        self.data += data
        if not self.has_head:
            self._look_for_head()
        if not self.has_head:
            too_large = len(self.data) > HEAD_BYTES
            return Stage.HEAD_TOO_LARGE if too_large else Stage.WAIT
        if self._is_whole():
            return Stage.WHOLE
        announced = self._body_bytes or len(self.data) - self._body_at
        return Stage.LARGE if announced > self._buffered_bytes else Stage.WAIT

    def _look_for_head(self) -> None:
        while self.data.startswith(_LINE_END):
            # RFC 9112 §2.2 allows empty lines before a request.
            del self.data[: len(_LINE_END)]
        end = self.data.find(_HEAD_END)
        if end < 0:
            return
        self._body_at = self._chunk_at = end + len(_HEAD_END)
        request_line, *headers = bytes(self.data[:end]).split(_LINE_END)
        words = request_line.split(b" ")
        path = words[1].partition(b"?")[0] if len(words) > 1 else b""
        if path in SIGNED_BODY_PATHS:
            self._buffered_bytes = SIGNED_BODY_BYTES
        for header in headers:
            name, _, value = header.lower().partition(b":")
            name, value = name.strip(), value.strip()
            if name == b"content-length" and value.isdigit() and len(value) < 20:
                self._body_bytes = int(value)
            elif name == b"transfer-encoding" and b"chunked" in value:
                self._body_bytes = None
            elif name == b"expect":
                self.expects_continue = value == b"100-continue"

    def _is_whole(self) -> bool:
        if self._body_bytes is not None:
            return len(self.data) - self._body_at >= self._body_bytes
        # Follow the chunk sizes; leave malformed sizes to gunicorn.
        while True:
            end = self.data.find(_LINE_END, self._chunk_at)
            if end < 0:
                return False
            digits = bytes(self.data[self._chunk_at : end]).partition(b";")[0].strip()
            try:
                size = int(digits, 16)
            except ValueError:
                return True
            if size == 0:
                # Without trailers, the last chunk's line end is the first half of the
                # blank line.
                return self.data.find(_HEAD_END, end) >= 0
            after = end + len(_LINE_END) + size + len(_LINE_END)
            if size < 0 or after > len(self.data):
                return size < 0
            self._chunk_at = after


def deadline(begun: float, received: int) -> float:
    """Return the deadline for a request after ``received`` bytes."""
    return begun + GRACE_SECONDS + received / BYTES_PER_SECOND
