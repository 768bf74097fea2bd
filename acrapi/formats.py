"""Values as the protocol writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """Return the time as files and containers carry it; whole seconds."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000000Z"


def plain_instant(at: datetime) -> str:
    """Return the time as buckets and dedup rows carry it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def seconds(ms: int) -> int | float:
    """Return whole seconds as an int, others with millisecond precision."""
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def whole_seconds(ms: int) -> int:
    """Return rounded seconds; something that lasts is never 0."""
    return max(1, round(ms / 1000)) if ms > 0 else 0
