"""What the work rows and the queue have to know of each other."""

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
    """The broker does not answer; nobody can tell what waits there."""


class Priority(IntEnum):
    """What goes first: who waits for it?"""

    PERSON = 20
    """Somebody looks at a page until it is done."""
    USUAL = 0
    """Files and recordings that come in numbers, and what others call back with."""
    DOCUMENT = -10
    """Reports, evidence packs, imports: somebody comes back for them."""
    AFTERWARDS = -20
    """What makes finished work nicer."""
    EVERYTHING = -30
    """Searches through all there is."""


def worker_name() -> str:
    """Return host and process id: unique among the workers alive."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


def entries_waiting() -> int:
    """Return how many entries of the queue nobody has taken.

    Raises ``BrokerAway``.
    """
    if not settings.BROKER_URL:
        return DBTaskResult.objects.ready().count()
    # Loaded where there is a broker: most processes of most installations need none.
    from kombu.exceptions import OperationalError

    from common import celery_backend

    try:
        return celery_backend.entries_waiting()
    except OperationalError as error:
        raise BrokerAway(str(error)) from error


def queue_holds_work() -> bool:
    """Tell whether entries still wait.

    While they do, a row that waits long may only be far back in the queue; when they do
    not, its entry was lost. Of a broker that is away nobody can tell.
    """
    try:
        return entries_waiting() > 0
    except BrokerAway:
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


def pass_on(task: Task[[int], None], waiting: QuerySet[Row], *, kind: str) -> None:
    """Queue the next row of a kind of which only so many may run at once.

    Its own entry may have come while there was no room.
    """
    if kind not in settings.ACRPORTAL_JOBS_AT_ONCE or not has_room(waiting.model, kind):
        return
    following = waiting.order_by("pk").values_list("pk", flat=True).first()
    if following is not None:
        task.enqueue(following)
