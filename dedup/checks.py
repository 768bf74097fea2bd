"""Checks of the whole catalogue in the background: started, watched, stopped, resumed.

One runs at a time. What was compared stays compared, so a check that was cancelled or
killed goes on where it was when it is started again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

import audit.services
from accounts.models import User
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket
from common.leases import NO_LEASE, lease_end
from dedup import selectors, tasks
from dedup.models import CatalogueCheck, RunStatus
from dedup.services import DedupRun, find_duplicates
from scanning.tasks import give_way

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
_EVERY = 5  # recordings between two looks at the row


class CheckStopped(Exception):
    """The check was cancelled, or another worker has it now."""


class CheckUnderWay(Exception):
    """A check waits or runs already."""


def start_check(*, user: User | None, bucket: Bucket | None = None) -> CatalogueCheck:
    """Have a worker check a bucket, or all of them. Raises ``CheckUnderWay``."""
    with transaction.atomic():
        if selectors.check_under_way() is not None:
            raise CheckUnderWay
        check = CatalogueCheck.objects.create(bucket=bucket, requested_by=user)
        audit.services.record(
            case=f"check:{check.uid}",
            action="dedup.check_started",
            actor=user or audit.services.SYSTEM,
            after={"bucket": bucket.pk if bucket else None},
        )
        transaction.on_commit(lambda: tasks.run_check.enqueue(check.pk))
    return check


def cancel_check(*, check: CatalogueCheck, user: User) -> bool:
    """Ask a check to stop; tell whether it could still be asked."""
    with transaction.atomic():
        waiting = CatalogueCheck.objects.filter(
            pk=check.pk, status=RunStatus.WAITING
        ).update(status=RunStatus.CANCELLED, finished_at=_now())
        running = CatalogueCheck.objects.filter(
            pk=check.pk, status=RunStatus.RUNNING
        ).update(cancel_requested=True)
        if waiting or running:
            audit.services.record(
                case=f"check:{check.uid}", action="dedup.check_cancelled", actor=user
            )
    return bool(waiting or running)


def resume_check(*, check: CatalogueCheck, user: User) -> bool:
    """Go on with a check that was given up; tell whether it was one.

    Raises ``CheckUnderWay`` while another waits or runs.
    """
    with transaction.atomic():
        if selectors.check_under_way() is not None:
            raise CheckUnderWay
        failed = CatalogueCheck.objects.filter(pk=check.pk, status=RunStatus.FAILED)
        resumed = failed.update(
            status=RunStatus.WAITING, message="", attempts=0, finished_at=None
        )
        if resumed:
            audit.services.record(
                case=f"check:{check.uid}", action="dedup.check_resumed", actor=user
            )
            transaction.on_commit(lambda: tasks.run_check.enqueue(check.pk))
    return bool(resumed)


def seconds_left(check: CatalogueCheck) -> int | None:
    """Estimate how long a running check still takes, from how fast it was."""
    if not check.started_at or not check.done or check.status != RunStatus.RUNNING:
        return None
    spent = (_now() - check.started_at).total_seconds()
    return round(spent / check.done * max(0, check.total - check.done))


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
    check = CatalogueCheck.objects.get(pk=check_id)
    watch = _Row(check, worker)
    buckets = [check.bucket] if check.bucket else own_buckets()
    try:
        runs = [find_duplicates(bucket=bucket, watch=watch) for bucket in buckets]
    except CheckStopped:
        watch.end(RunStatus.CANCELLED)
        return []
    except Exception:
        watch.end(RunStatus.FAILED, "The check stopped on an error; start it again.")
        raise
    watch.end(RunStatus.DONE)
    return runs


def own_buckets() -> list[Bucket]:
    """Return the buckets that hold recordings of our own."""
    return list(Bucket.objects.exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID).order_by("pk"))


def requeue_stale_checks(**_signal: object) -> int:
    """Hand out again what a killed worker left behind; it goes on from there."""
    stale = CatalogueCheck.objects.filter(
        status=RunStatus.RUNNING, lease_until__lt=_now()
    )
    stale.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=RunStatus.FAILED,
        message="The check was interrupted too often.",
        finished_at=_now(),
        **NO_LEASE,
    )
    pks = list(stale.values_list("pk", flat=True))
    stale.filter(pk__in=pks).update(status=RunStatus.WAITING, **NO_LEASE)
    lost = CatalogueCheck.objects.filter(
        status=RunStatus.WAITING, created_at__lt=_now() - timedelta(minutes=10)
    ).exclude(pk__in=pks)
    pks += lost.values_list("pk", flat=True)
    for pk in pks:
        tasks.run_check.enqueue(pk)
    return len(pks)


class _Row:
    """Writes progress onto the check's row, and hears there that it is to stop."""

    def __init__(self, check: CatalogueCheck, worker: str) -> None:
        self._mine = CatalogueCheck.objects.filter(
            pk=check.pk, status=RunStatus.RUNNING, lease_owner=worker
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
