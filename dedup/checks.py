"""Checks of the whole catalogue: start, cancel, resume, and queue again.

Only one runs at a time. Comparisons are kept, so a cancelled or killed check continues
where it stopped when it is started again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from django.db import transaction

import audit.services
from accounts.models import User
from common.leases import NO_LEASE
from common.queue import queue_holds_work
from dedup import selectors, tasks
from dedup.models import CatalogueCheck, RunStatus

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5


class CheckUnderWay(Exception):
    """A check is already waiting or running."""


def start_check(*, user: User) -> CatalogueCheck:
    """Have a worker check all buckets. Raises ``CheckUnderWay``."""
    with transaction.atomic():
        # Checks cover all buckets, so a second one would only repeat the first.
        if selectors.check_under_way() is not None:
            raise CheckUnderWay
        check = CatalogueCheck.objects.create(requested_by=user)
        audit.services.record(
            case=f"check:{check.uid}", action="dedup.check_started", actor=user
        )
        transaction.on_commit(lambda: tasks.run_check.enqueue(check.pk))
    return check


def cancel_check(*, check: CatalogueCheck, user: User) -> bool:
    """Ask a check to stop; return False if it has already ended."""
    with transaction.atomic():
        waiting = CatalogueCheck.objects.filter(
            pk=check.pk, status=RunStatus.WAITING
        ).update(status=RunStatus.CANCELLED, finished_at=datetime.now(tz=UTC))
        running = CatalogueCheck.objects.filter(
            pk=check.pk, status=RunStatus.RUNNING
        ).update(cancel_requested=True)
        if waiting or running:
            audit.services.record(
                case=f"check:{check.uid}", action="dedup.check_cancelled", actor=user
            )
    return bool(waiting or running)


def resume_check(*, check: CatalogueCheck, user: User) -> bool:
    """Continue a failed check; return False if it has not failed.

    Raises ``CheckUnderWay`` while another one waits or runs.
    """
    with transaction.atomic():
        if selectors.check_under_way() is not None:
            raise CheckUnderWay
        failed = CatalogueCheck.objects.filter(pk=check.pk, status=RunStatus.FAILED)
        resumed = failed.update(
            status=RunStatus.WAITING,
            message="",
            attempts=0,
            finished_at=None,
            cancel_requested=False,
        )
        if resumed:
            audit.services.record(
                case=f"check:{check.uid}", action="dedup.check_resumed", actor=user
            )
            transaction.on_commit(lambda: tasks.run_check.enqueue(check.pk))
    return bool(resumed)


def seconds_left(check: CatalogueCheck) -> int | None:
    """Estimate the seconds that a running check still takes, from its speed so far."""
    if not check.started_at or not check.done or check.status != RunStatus.RUNNING:
        return None
    spent = (datetime.now(tz=UTC) - check.started_at).total_seconds()
    return round(spent / check.done * max(0, check.total - check.done))


def requeue_stale_checks(**_signal: object) -> int:
    """Queue checks again that a killed worker left; they continue where they stopped."""
    stale = CatalogueCheck.objects.filter(
        status=RunStatus.RUNNING, lease_until__lt=datetime.now(tz=UTC)
    )
    # Something in the catalogue may kill the worker each time.
    stale.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=RunStatus.FAILED,
        message="The check was interrupted too often.",
        finished_at=datetime.now(tz=UTC),
        **NO_LEASE,
    )
    pks = list(stale.values_list("pk", flat=True))
    stale.filter(pk__in=pks).update(status=RunStatus.WAITING, **NO_LEASE)
    # An empty queue with a waiting check means that its entry was lost.
    if not queue_holds_work():
        lost = CatalogueCheck.objects.filter(
            status=RunStatus.WAITING,
            created_at__lt=datetime.now(tz=UTC) - timedelta(minutes=10),
        ).exclude(pk__in=pks)
        pks += lost.values_list("pk", flat=True)
    for pk in pks:
        tasks.run_check.enqueue(pk)
    return len(pks)
