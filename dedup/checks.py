"""Checks of the whole catalogue: start, cancel, resume, and the work of a check.

Only one runs at a time. Comparisons are kept, so a cancelled or killed check continues
where it stopped when it is started again.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited
from base.jobs.context import JobContext
from base.jobs.services import cancel_subject, submit, try_subject_again
from catalogue.selectors import searchable_buckets
from dedup.jobs import CHECK
from dedup.models import CatalogueCheck, RunStatus
from dedup.services import find_duplicates

_EVERY = 5  # recordings between two updates of the row


class CheckUnderWay(Exception):
    """A check is already waiting or running."""


def start_check(*, user: User) -> CatalogueCheck:
    """Have a worker check all buckets. Raises ``CheckUnderWay``."""
    refuse_limited(user)
    with transaction.atomic():
        check = CatalogueCheck.objects.create(requested_by=user)
        if submit(CHECK, check, user=user).subject != check.pk:
            raise CheckUnderWay
        _record(check, "dedup.check_started", user)
    return check


def cancel_check(*, check: CatalogueCheck, user: User) -> bool:
    """Ask a check to stop; return False if it has already ended."""
    refuse_limited(user)
    with transaction.atomic():
        is_cancelled = cancel_subject(CHECK, check)
        if is_cancelled:
            _record(check, "dedup.check_cancelled", user)
    return is_cancelled


def resume_check(*, check: CatalogueCheck, user: User) -> bool:
    """Continue a failed check; return False if it has not failed.

    Raises ``CheckUnderWay`` while another one waits or runs.
    """
    refuse_limited(user)
    with transaction.atomic():
        failed = CatalogueCheck.objects.filter(pk=check.pk, status=RunStatus.FAILED)
        if not failed.update(finished_at=None):
            return False
        if not try_subject_again(CHECK, check, user=user):
            raise CheckUnderWay
        _record(check, "dedup.check_resumed", user)
    return True


def seconds_left(check: CatalogueCheck) -> int | None:
    """Estimate the seconds that a running check still takes, from its speed so far."""
    if not check.started_at or not check.done or check.status != RunStatus.RUNNING:
        return None
    # The clock may have been set back since.
    spent = max(0.0, (datetime.now(tz=UTC) - check.started_at).total_seconds())
    return round(spent / check.done * max(0, check.total - check.done))


def run(context: JobContext) -> None:
    """Compare the new recordings of each bucket."""
    counts = _Counts(context)
    context.write(started_at=datetime.now(tz=UTC), **counts.columns())
    for bucket in searchable_buckets():
        find_duplicates(bucket=bucket, watch=counts)
    context.finish(finished_at=datetime.now(tz=UTC), **counts.columns())


class _Counts:
    """Writes the counters to the check's row, and stops a check that was cancelled."""

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
        return {
            "total": self._total,
            "done": self._done,
            "pairs": self._pairs,
            "skipped": self._skipped,
        }

    def _write(self) -> None:
        self._context.write(**self.columns())
        self._context.report(self._done / max(1, self._total))


def _record(check: CatalogueCheck, action: str, user: User) -> None:
    base.audit.services.record(case=f"check:{check.uid}", action=action, actor=user)
