"""Messages between the library and its child processes: kind, length, payload.

Each kind has a maximum size, checked before the payload is read. Nothing is unpickled.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from recognition.errors import (
    BadFingerprint,
    DecodeFailed,
    JobRefused,
    OutOfLimits,
    ParamsMismatch,
    RecognitionError,
    TooLong,
    TooShort,
    UnsupportedMedia,
)

HEADER: Final = struct.Struct("<BI")
DOUBLE: Final = struct.Struct("<d")
STATUS: Final = struct.Struct("<i")
CHUNK: Final = 1 << 16
MAX_FILES: Final = 2

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading a message of a decoding process may raise; the process is not trusted."""


class MessageKind(IntEnum):
    """The kinds of message."""

    REQUEST = 1
    STARTED = 2
    PROGRESS = 3
    FACTS = 4
    WAVEFORM = 5
    FINGERPRINT = 6
    FAILURE = 7
    DONE = 8
    SPECTROGRAM = 9
    LANDMARKS = 10
    HEARD = 11
    ROWS = 12


MAX_BYTES: Final = {
    MessageKind.REQUEST: 1 << 16,
    MessageKind.STARTED: 0,
    MessageKind.PROGRESS: DOUBLE.size,
    MessageKind.FACTS: 1 << 20,
    MessageKind.WAVEFORM: 1 << 20,
    MessageKind.FINGERPRINT: 1 << 30,
    MessageKind.FAILURE: 1 << 16,
    MessageKind.DONE: 0,
    MessageKind.SPECTROGRAM: 1 << 20,
    MessageKind.LANDMARKS: 1 << 22,
    MessageKind.HEARD: 1 << 16,
    MessageKind.ROWS: 1 << 24,
}


class BrokenMessage(Exception):
    """The other side sent bytes that are not a valid message."""


def send(sock: socket.socket, kind: MessageKind, payload: bytes = b"") -> None:
    """Send one message."""
    sock.sendall(_header(kind, payload))
    if payload:
        sock.sendall(payload)


def send_request(sock: socket.socket, request: dict[str, Any], files: Sequence[int]) -> None:
    """Send a job and duplicates of the open files that it works on."""
    payload = json.dumps(request).encode()
    socket.send_fds(sock, [_header(MessageKind.REQUEST, payload)], files)
    sock.sendall(payload)


def receive_request(sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive what ``send_request`` sent: the request and its file descriptors."""
    header, files, _, _ = socket.recv_fds(sock, HEADER.size, MAX_FILES)
    kind, length = _read_header(header)
    payload = _exactly(sock, length, None)
    if kind is not MessageKind.REQUEST or payload is None:
        raise BrokenMessage("the first message must be a request")
    return json.loads(payload), files


def receive(sock: socket.socket, deadline: float) -> tuple[MessageKind, bytes] | None:
    """Return the next message, or None if the other side has closed.

    A message that breaks off counts as closed, since its sender died. Raises
    ``TimeoutError`` after ``deadline``, on the clock of ``time.monotonic``.
    """
    header = _exactly(sock, HEADER.size, deadline)
    if header is None:
        return None
    kind, length = _read_header(header)
    payload = _exactly(sock, length, deadline)
    return None if payload is None else (kind, payload)


def share(body: bytes) -> float:
    """Return the share done (0–1) from the body of a ``PROGRESS`` message."""
    if len(body) != DOUBLE.size:
        raise BrokenMessage("a progress message of the wrong size")
    value: float = DOUBLE.unpack(body)[0]
    # A hostile child may send NaN, which compares as False.
    return min(1.0, value) if value > 0 else 0.0


def failure_to_json(error: RecognitionError) -> bytes:
    """Serialise one of the library's errors as the body of a ``FAILURE``."""
    fields: dict[str, str | float] = {"kind": type(error).__name__, "text": str(error)}
    if isinstance(error, TooShort):
        fields |= {"seconds": error.seconds, "minimum_s": error.minimum_s}
    if isinstance(error, TooLong):
        fields |= {"limit_s": error.limit_s}
    if isinstance(error, ParamsMismatch):
        fields |= {"found": error.actual, "expected": error.expected}
    return json.dumps(fields).encode()


def failure_from_json(data: bytes) -> RecognitionError:
    """Return the error in the body of a ``FAILURE``."""
    try:
        return _failure_in(json.loads(data))
    except UNREADABLE as error:
        return DecodeFailed(f"The decoding process misbehaved: {error}.")


def _failure_in(fields: dict[str, Any]) -> RecognitionError:  # Any: JSON
    match fields["kind"]:
        case "TooShort":
            return TooShort(float(fields["seconds"]), float(fields["minimum_s"]))
        case "TooLong":
            return TooLong(float(fields["limit_s"]))
        case "UnsupportedMedia":
            return UnsupportedMedia(str(fields["text"]))
        case "OutOfLimits":
            return OutOfLimits(str(fields["text"]))
        case "JobRefused":
            return JobRefused(str(fields["text"]))
        case "ParamsMismatch":
            actual, expected = str(fields["found"]), str(fields["expected"])
            return ParamsMismatch("The fingerprint", actual=actual, expected=expected)
        case "BadFingerprint":
            return BadFingerprint(str(fields["text"]))
        case _:
            return DecodeFailed(str(fields["text"]))


def _header(kind: MessageKind, payload: bytes) -> bytes:
    if len(payload) > MAX_BYTES[kind]:
        raise BrokenMessage(f"{kind.name} of {len(payload)} bytes is too large")
    return HEADER.pack(kind, len(payload))


def _read_header(header: bytes) -> tuple[MessageKind, int]:
    number, length = HEADER.unpack(header)
    try:
        kind = MessageKind(number)
    except ValueError:
        raise BrokenMessage(f"unknown message {number}") from None
    if length > MAX_BYTES[kind]:
        raise BrokenMessage(f"{kind.name} of {length} bytes is too large")
    return kind, length


def _exactly(sock: socket.socket, size: int, deadline: float | None) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        if deadline is not None:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            part = sock.recv(min(CHUNK, size - len(parts)))
        except ConnectionError:
            return None
        if not part:
            return None
        parts += part
    return bytes(parts)
