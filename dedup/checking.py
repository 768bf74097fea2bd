"""Run a check of the catalogue in the worker, controlled through its row."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from catalogue.selectors import searchable_buckets
from common.leases import NO_LEASE, lease_end
from dedup.models import CatalogueCheck, RunStatus
from dedup.services import DedupRun, find_duplicates
from scanning.tasks import give_way

_EVERY = 5  # recordings between two updates of the row


class CheckStopped(Exception):
    """The check was cancelled, or another worker has taken it over."""


def perform(*, check_id: int, worker: str) -> list[DedupRun]:
    """Run a waiting check; do nothing if it is taken or done."""
    claimed = CatalogueCheck.objects.filter(pk=check_id, status=RunStatus.WAITING)
    try:
        with transaction.atomic():
            taken = claimed.update(
                status=RunStatus.RUNNING,
                lease_owner=worker,
                lease_until=lease_end(),
                attempts=F("attempts") + 1,
                started_at=datetime.now(tz=UTC),
                total=0,
                done=0,
            )
    # The database allows one running check.
    except IntegrityError:
        return []  # another check runs; the sweeper queues this one again
    if not taken:
        return []
    row = _Row(check_id, worker)
    try:
        runs = [
            find_duplicates(bucket=bucket, watch=row) for bucket in searchable_buckets()
        ]
    except CheckStopped:
        row.end(RunStatus.CANCELLED)
        return []
    except Exception:
        row.end(RunStatus.FAILED, "The check stopped on an error; start it again.")
        raise
    row.end(RunStatus.DONE)
    return runs


class _Row:
    """Writes progress to the check's row, and learns from it when to stop."""

    def __init__(self, check_id: int, worker: str) -> None:
        self._mine = CatalogueCheck.objects.filter(
            pk=check_id, status=RunStatus.RUNNING, lease_owner=worker
        )
        self._done = self._pairs = self._skipped = 0

    def begin(self, total: int) -> None:
        """Add the recordings of another bucket to the total."""
        self._mine.update(total=F("total") + total)
        self._write()

    def step(self, compared: int | None) -> None:
        """Count a recording; every few recordings, write progress and yield to scans."""
        self._done += 1
        self._pairs += compared or 0
        self._skipped += compared is None
        if self._done % _EVERY == 0:
            self._write()
            # A check runs for minutes; people wait for scans.
            give_way(self._mine)

    def end(self, status: RunStatus, message: str = "") -> None:
        """Write the result."""
        self._mine.update(
            **self._counts(),
            status=status,
            message=message,
            finished_at=datetime.now(tz=UTC),
            **NO_LEASE,
        )

    def _counts(self) -> dict[str, int]:
        return {"done": self._done, "pairs": self._pairs, "skipped": self._skipped}

    def _write(self) -> None:
        continues = self._mine.filter(cancel_requested=False).update(
            **self._counts(), lease_until=lease_end()
        )
        if not continues:
            raise CheckStopped
