"""Tracks how much of a request has arrived: its head, its body, its declared length.

The web worker reads connections without a thread until this class says that a thread
would not wait for the client. It parses only the framing; gunicorn parses the same
bytes again and refuses malformed requests.
"""

from __future__ import annotations

import time
from enum import Enum
from urllib.parse import unquote_to_bytes

from gunicorn.util import split_request_uri

HEAD_BYTES = 64 * 1024
# No client of ours sends trailers or extensions of chunks, and nobody reads them.
TRAILER_BYTES = 8 * 1024
_CHUNK_LINE_BYTES = 1024
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
    FIELDS_TOO_LARGE = "fields too large"


class RequestArrival:
    """The bytes of one request received so far."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.data = bytearray()
        self.received = 0
        """Bytes so far, with the empty lines before the head, which are dropped."""
        self.expects_continue = False
        self._body_at = -1
        self._body_bytes: int | None = 0
        self._buffered_bytes = SMALL_BODY_BYTES
        self._chunk_at = 0

    @property
    def deadline(self) -> float:
        """Return when the request must be complete, at the slowest accepted rate."""
        return deadline(self.begun, self.received)

    @property
    def has_head(self) -> bool:
        """Tell whether all headers have arrived."""
        return self._body_at >= 0

    def add(self, data: bytes) -> Stage:
        """Add received bytes; return the next step."""
        self.data += data
        self.received += len(data)
        if not self.has_head:
            self._look_for_head()
        if not self.has_head:
            too_large = self.received > HEAD_BYTES
            return Stage.FIELDS_TOO_LARGE if too_large else Stage.WAIT
        if self._body_bytes is None:
            stage = self._follow_chunks()
        else:
            received = len(self.data) - self._body_at
            stage = Stage.WHOLE if received >= self._body_bytes else Stage.WAIT
        if stage is not Stage.WAIT:
            return stage
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
        if len(words) > 1 and _path_of(words[1]) in SIGNED_BODY_PATHS:
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

    def _follow_chunks(self) -> Stage:
        """Move to the last chunk that has begun; leave malformed sizes to gunicorn."""
        while True:
            end = self.data.find(_LINE_END, self._chunk_at)
            line_end = end if end >= 0 else len(self.data)
            if line_end - self._chunk_at > _CHUNK_LINE_BYTES:
                return Stage.FIELDS_TOO_LARGE
            if end < 0:
                return Stage.WAIT
            digits = bytes(self.data[self._chunk_at : end]).partition(b";")[0].strip()
            try:
                size = int(digits, 16)
            except ValueError:
                return Stage.WHOLE
            if size == 0:
                return self._follow_trailers(end)
            after = end + len(_LINE_END) + size + len(_LINE_END)
            if size < 0 or after > len(self.data):
                return Stage.WHOLE if size < 0 else Stage.WAIT
            self._chunk_at = after

    def _follow_trailers(self, last_chunk_end: int) -> Stage:
        # Without trailers, the last chunk's line end is the first half of the blank line.
        end = self.data.find(_HEAD_END, last_chunk_end)
        arrived = (end if end >= 0 else len(self.data)) - last_chunk_end
        if arrived > TRAILER_BYTES:
            return Stage.FIELDS_TOO_LARGE
        return Stage.WAIT if end < 0 else Stage.WHOLE


def deadline(begun: float, received: int) -> float:
    """Return the deadline for a request after ``received`` bytes."""
    return begun + GRACE_SECONDS + received / BYTES_PER_SECOND


def _path_of(target: bytes) -> bytes:
    """Return the path as the server finds it: a target may be escaped, or a whole URL."""
    try:
        return unquote_to_bytes(split_request_uri(target.decode("latin-1")).path)
    except ValueError:
        return b""
