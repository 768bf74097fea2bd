"""The time that a recorder lives by; tests pass one that runs faster."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

# Differences come from the monotonic clock; the wall clock may be set at any time.
REBASE_S: Final = 60.0


class Clock:
    """Monotonic seconds, and UTC that follows from them.

    ``rate`` is how much faster than the machine's clock its time passes; ``epoch``
    is the UTC of its creation, by default that of the machine.
    """

    def __init__(self, *, rate: float = 1.0, epoch: datetime | None = None) -> None:
        self.rate = rate
        self._real = time.monotonic()
        self._fixed = epoch is not None or rate != 1.0
        self._epoch = epoch or datetime.now(UTC)
        self._based_at = 0.0

    def monotonic(self) -> float:
        """Return seconds since the creation of this clock."""
        return (time.monotonic() - self._real) * self.rate

    def utc(self) -> datetime:
        """Return the time of the wall clock."""
        now = self.monotonic()
        if not self._fixed and now - self._based_at > REBASE_S:
            self._epoch = datetime.now(UTC) - timedelta(seconds=now)
            self._based_at = now
        return self._epoch + timedelta(seconds=now)

    def real(self, seconds: float) -> float:
        """Return how long the machine waits for ``seconds`` of this clock."""
        return seconds / self.rate
