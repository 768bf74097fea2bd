"""Limits how often somebody may ask: the one meter of pages and APIs.

Each process counts in its own memory, because a request must not cost a write to the
database. Several processes together allow at most as many times the rate.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock

from django.core.cache import caches

_LOCK = Lock()
# Fractions of seconds are not exact.
_NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once after a pause, and so many a second for as long as it goes on."""

    at_once: float
    per_second: float


def wait_for(key: str, rate: Rate, *, counts: bool = True) -> float:
    """Count one; return 0, or the seconds until it would be allowed, uncounted.

    Without ``counts``, only tell whether one would be allowed. A key holds one number, the time at which all that was counted is worked off: the
    generic cell rate algorithm (ITU-T I.371).
    """
    if not rate.per_second:
        return 0.0
    cache = caches["process"]
    with _LOCK:
        now = time.time()
        done_at = max(cache.get(key, now), now)
        wait = done_at - now - (rate.at_once - 1) / rate.per_second
        if wait > _NOTHING:
            return float(wait)
        if not counts:
            return 0.0
        done_at += 1 / rate.per_second
        cache.set(key, done_at, timeout=done_at - now + 1)
    return 0.0
