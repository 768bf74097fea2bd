"""Run a check of the catalogue in the worker."""

from __future__ import annotations

from datetime import UTC, datetime

from catalogue.selectors import searchable_buckets
from dedup.services import find_duplicates
from jobs.context import JobContext

_EVERY = 5  # recordings between two updates of the row


def run(context: JobContext) -> None:
    """Compare what is new in each bucket."""
    counts = _Counts(context)
    context.write(started_at=datetime.now(tz=UTC), **counts.columns())
    for bucket in searchable_buckets():
        find_duplicates(bucket=bucket, watch=counts)
    context.finish(finished_at=datetime.now(tz=UTC), **counts.columns())


class _Counts:
    """Counts for the check's row; stops the check when it must not go on."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._total = self._done = self._pairs = self._skipped = 0

    def begin(self, total: int) -> None:
        """Add the recordings of another bucket to the total."""
        self._total += total
        self._write()

    def step(self, compared: int | None) -> None:
        """Count a recording; every few recordings, write the counts."""
        self._done += 1
        self._pairs += compared or 0
        self._skipped += compared is None
        if self._done % _EVERY == 0:
            self._write()

    def columns(self) -> dict[str, int]:
        """Return the counts as columns of the check."""
        return {
            "total": self._total,
            "done": self._done,
            "pairs": self._pairs,
            "skipped": self._skipped,
        }

    def _write(self) -> None:
        self._context.write(**self.columns())
        self._context.report(self._done / max(1, self._total))
