"""Messages between the library and its child processes: kind, length, payload.

Every kind has a largest size, checked before anything is read; nothing is ever
unpickled.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

HEADER: Final = struct.Struct("<BI")
DOUBLE: Final = struct.Struct("<d")
STATUS: Final = struct.Struct("<i")
CHUNK: Final = 1 << 16
MAX_FILES: Final = 2


class Kind(IntEnum):
    """What a message carries."""

    REQUEST = 1
    STARTED = 2
    PROGRESS = 3
    FACTS = 4
    WAVEFORM = 5
    FINGERPRINT = 6
    FAILURE = 7
    DONE = 8
    SPECTROGRAM = 9


MAX_BYTES: Final = {
    Kind.REQUEST: 1 << 16,
    Kind.STARTED: 0,
    Kind.PROGRESS: DOUBLE.size,
    Kind.FACTS: 1 << 20,
    Kind.WAVEFORM: 1 << 20,
    Kind.FINGERPRINT: 1 << 30,
    Kind.FAILURE: 1 << 16,
    Kind.DONE: 0,
    Kind.SPECTROGRAM: 1 << 20,
}


class BrokenMessage(Exception):
    """The other side sent something that is no message."""


def send(sock: socket.socket, kind: Kind, payload: bytes = b"") -> None:
    """Send one message."""
    sock.sendall(_header(kind, payload))
    if payload:
        sock.sendall(payload)


def send_request(
    sock: socket.socket, request: dict[str, Any], files: Sequence[int]
) -> None:
    """Send a job and copies of the open files it works on."""
    payload = json.dumps(request).encode()
    socket.send_fds(sock, [_header(Kind.REQUEST, payload)], files)
    sock.sendall(payload)


def receive_request(sock: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The other end of ``send_request``."""
    header, files, _, _ = socket.recv_fds(sock, HEADER.size, MAX_FILES)
    kind, length = _opened(header)
    payload = _exactly(sock, length, None)
    if kind is not Kind.REQUEST or payload is None:
        raise BrokenMessage("a job begins with a request")
    return json.loads(payload), files


def receive(sock: socket.socket, deadline: float) -> tuple[Kind, bytes] | None:
    """The next message, None where the other side has closed.

    A message that breaks off in the middle counts as closed: its sender died.
    ``deadline`` is of ``time.monotonic``; raises ``TimeoutError`` after it.
    """
    header = _exactly(sock, HEADER.size, deadline)
    if header is None:
        return None
    kind, length = _opened(header)
    payload = _exactly(sock, length, deadline)
    return None if payload is None else (kind, payload)


def share(body: bytes) -> float:
    """The share done that a ``PROGRESS`` tells, 0–1."""
    if len(body) != DOUBLE.size:
        raise BrokenMessage("a share of another size")
    told: float = DOUBLE.unpack(body)[0]
    return min(1.0, told) if told > 0 else 0.0


def _header(kind: Kind, payload: bytes) -> bytes:
    if len(payload) > MAX_BYTES[kind]:
        raise BrokenMessage(f"{kind.name} of {len(payload)} bytes is too large")
    return HEADER.pack(kind, len(payload))


def _opened(header: bytes) -> tuple[Kind, int]:
    number, length = HEADER.unpack(header)
    try:
        kind = Kind(number)
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
