"""Formats of times and durations on the wire."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(at: datetime) -> str:
    """Return a time as in files and containers; whole seconds only."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000000Z"


def plain_instant(at: datetime) -> str:
    """Return a time as in buckets and dedup rows."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def seconds(ms: int) -> int | float:
    """Return whole seconds as an int, others with millisecond precision."""
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def whole_seconds(ms: int) -> int:
    """Return rounded seconds, at least 1 for any positive duration."""
    return max(1, round(ms / 1000)) if ms > 0 else 0
