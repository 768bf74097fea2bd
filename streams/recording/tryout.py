"""Listen to addresses for a moment, before a stream is added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recognition.types import Fingerprint
from streams.recording.clocks import Clock


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


def try_stream(
    urls: Sequence[str], seconds: float = 10, *, clock: Clock | None = None
) -> TryOut:
    """Listen for ``seconds`` in all, and return what was heard; it never raises for a
    server's faults.
    """
    raise NotImplementedError
