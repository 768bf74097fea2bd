"""What the work rows and the queue have to know of each other."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult
from kombu.exceptions import OperationalError

from common import celery_backend
from common.leases import NO_LEASE, Leased

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Leased)


def worker_name() -> str:
    """Return host and process id: unique among the workers alive."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


def entries_waiting() -> int:
    """Return how many entries of the queue nobody has taken.

    Raises kombu's ``OperationalError`` where there is a broker and it is away.
    """
    if settings.BROKER_URL:
        return celery_backend.entries_waiting()
    return DBTaskResult.objects.ready().count()


def queue_holds_work() -> bool:
    """Tell whether entries still wait.

    While they do, a row that waits long may only be far back in the queue; when they do
    not, its entry was lost. Of a broker that is away nobody can tell.
    """
    try:
        return entries_waiting() > 0
    except OperationalError:
        logger.warning("the broker is away")
        return True


def enqueue_with_commit(task: Task[[int], None], key: int) -> None:
    """Queue work on a row that the open transaction writes.

    An entry in the database is written along with it, which saves a commit; a broker
    is told after the commit.
    """
    if settings.BROKER_URL:
        transaction.on_commit(lambda: task.enqueue(key))
    else:
        task.enqueue(key)


def left_behind(
    open_rows: QuerySet[Row], *, given_up: Mapping[str, object]
) -> list[Row]:
    """Return open rows whose worker fell silent or whose queue entry was lost.

    Rows that were interrupted too often are not: they are changed to what ``given_up``
    says. Their ``updated_at`` tells since when nothing happened to the others.
    """
    now = datetime.now(tz=UTC)
    silent = open_rows.filter(lease_until__lt=now)
    silent.filter(attempts__gte=settings.ACRPORTAL_MAX_ATTEMPTS).update(
        **given_up, **NO_LEASE
    )
    stale = list(silent)
    if not queue_holds_work():
        lost_before = now - timedelta(seconds=settings.ACRPORTAL_LEASE_SECONDS)
        stale += open_rows.filter(lease_until__isnull=True, updated_at__lt=lost_before)
    return stale
