"""What a connection hands to the recorder, in the order of its arrival."""

from __future__ import annotations

from dataclasses import dataclass, field

from plugins.monitoring.streams.recording.icy import SentTitle


@dataclass(frozen=True, slots=True)
class Opened:
    """The server answered with something that may be sound."""

    url: str
    is_hls: bool
    jitter_s: float
    """How late what arrives may be without meaning anything."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes of sound, and when they arrived: seconds of UTC."""

    data: bytes
    at: float
    begins_anew: bool = False
    head: bytes = field(default=b"", repr=False)
    """What a decoder needs before it can begin within this container."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The stream skipped so many seconds, or, without a length, began again."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection has ended; ``cause`` is a ``GapCause``, ``reason`` for people."""

    cause: str
    reason: str


Arrival = Opened | Chunk | SentTitle | Missing | Closed


class Halted(Exception):
    """The recorder no longer wants this connection."""
