"""Performs a check of the catalogue, in the worker: watched and stopped by its row."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from catalogue.selectors import searchable_buckets
from common.leases import NO_LEASE, lease_end
from dedup.models import CatalogueCheck, RunStatus
from dedup.services import DedupRun, find_duplicates
from scanning.tasks import give_way

_EVERY = 5  # recordings between two looks at the row


class CheckStopped(Exception):
    """The check was cancelled, or another worker has it now."""


def perform(*, check_id: int, worker: str) -> list[DedupRun]:
    """Do a check that waits; one that is taken or done is left alone."""
    claimed = CatalogueCheck.objects.filter(pk=check_id, status=RunStatus.WAITING)
    try:
        with transaction.atomic():
            taken = claimed.update(
                status=RunStatus.RUNNING,
                lease_owner=worker,
                lease_until=lease_end(),
                attempts=F("attempts") + 1,
                started_at=_now(),
                total=0,
                done=0,
            )
    except IntegrityError:
        return []  # another one runs; the sweeper hands this one out again
    if not taken:
        return []
    watch = _Row(check_id, worker)
    try:
        runs = [
            find_duplicates(bucket=bucket, watch=watch)
            for bucket in searchable_buckets()
        ]
    except CheckStopped:
        watch.end(RunStatus.CANCELLED)
        return []
    except Exception:
        watch.end(RunStatus.FAILED, "The check stopped on an error; start it again.")
        raise
    watch.end(RunStatus.DONE)
    return runs


class _Row:
    """Writes progress onto the check's row, and hears there that it is to stop."""

    def __init__(self, check_id: int, worker: str) -> None:
        self._mine = CatalogueCheck.objects.filter(
            pk=check_id, status=RunStatus.RUNNING, lease_owner=worker
        )
        self._done = self._pairs = self._skipped = 0

    def begin(self, total: int) -> None:
        """Add the recordings of one more bucket."""
        self._mine.update(total=F("total") + total)
        self._tell()

    def step(self, compared: int | None) -> None:
        """Count one; every few, say so and ask whether to go on."""
        self._done += 1
        self._pairs += compared or 0
        self._skipped += compared is None
        if self._done % _EVERY == 0:
            self._tell()
            give_way(self._mine)

    def end(self, status: RunStatus, message: str = "") -> None:
        """Write how it ended."""
        self._mine.update(
            **self._counts(),
            status=status,
            message=message,
            finished_at=_now(),
            **NO_LEASE,
        )

    def _counts(self) -> dict[str, int]:
        return {"done": self._done, "pairs": self._pairs, "skipped": self._skipped}

    def _tell(self) -> None:
        going_on = self._mine.filter(cancel_requested=False).update(
            **self._counts(), lease_until=lease_end()
        )
        if not going_on:
            raise CheckStopped


def _now() -> datetime:
    return datetime.now(tz=UTC)
