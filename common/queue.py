"""The queue as seen by the rows that wait in it."""

from __future__ import annotations

import logging
import os
import socket
from enum import IntEnum
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from common.leases import Leased, has_room

logger = logging.getLogger(__name__)

Row = TypeVar("Row", bound=Leased)


class BrokerAway(Exception):
    """The broker is unreachable, so the number of waiting jobs is unknown."""


class Priority(IntEnum):
    """The order of jobs: the sooner a person needs the result, the higher."""

    PERSON = 20
    """A person watches a page until it is done."""
    USUAL = 0
    """Files and recordings in bulk, and received callbacks."""
    DOCUMENT = -10
    """Reports, evidence packs and imports: people collect the result later."""
    AFTERWARDS = -20
    """Improvements to finished work."""
    EVERYTHING = -30
    """Searches through everything."""


def worker_name() -> str:
    """Return host and process id, unique among live workers."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


def entries_waiting() -> int:
    """Return the number of queued jobs that no worker has taken.

    Raises ``BrokerAway``.
    """
    if not settings.BROKER_URL:
        return DBTaskResult.objects.ready().count()
    # Imported late: most installations have no broker and skip the import.
    from kombu.exceptions import OperationalError

    from common import celery_backend

    try:
        return celery_backend.entries_waiting()
    except OperationalError as error:
        raise BrokerAway(str(error)) from error


def queue_holds_work() -> bool:
    """Tell whether jobs still wait in the queue.

    While they do, a row that waits long may only be far back in the queue. Otherwise
    its message was lost. If the broker is unreachable, assume work remains.
    """
    try:
        return entries_waiting() > 0
    except BrokerAway:
        logger.warning("broker unreachable")
        return True


def enqueue_with_commit(task: Task[[int], None], key: int) -> None:
    """Queue work on a row that the open transaction writes.

    The database queue takes the entry in the same transaction, which saves a commit. A
    broker gets its message after the commit.
    """
    if settings.BROKER_URL:
        transaction.on_commit(lambda: task.enqueue(key))
    else:
        task.enqueue(key)


def pass_on(task: Task[[int], None], waiting: QuerySet[Row], *, kind: str) -> None:
    """Queue the next row of a kind with a limit on concurrent jobs.

    The message of that row may have arrived, and been dropped, while the limit was
    reached.
    """
    if kind not in settings.ACRPORTAL_JOBS_AT_ONCE or not has_room(waiting.model, kind):
        return
    following = waiting.order_by("pk").values_list("pk", flat=True).first()
    if following is not None:
        task.enqueue(following)
