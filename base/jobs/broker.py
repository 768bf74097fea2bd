"""Celery spreads jobs over machines, where ``BROKER_URL`` says so (RabbitMQ or Redis).

Each pool has a queue with one task, which runs what is due in the pool. Each duty of
machines has a queue of its own for a pool, which only workers of machines that do it
consume. A message is only a wake-up and is acknowledged on receipt: the rows are the
truth, and each worker replaces messages that were lost.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from time import monotonic

from celery import Celery
from django.conf import settings
from kombu import Queue
from kombu.exceptions import OperationalError

from base.jobs.choices import WORKER_POOLS, Pool

logger = logging.getLogger(__name__)

PREFIX = ""
"""Prefix of the queues' names, for tests and measurements."""
RUN = "acrportal.run"
"""The task that runs what is due; see ``base.jobs.broker_worker``."""
# A person may be waiting for the answer: try shortly, then not for a while.
_TRIES = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.4}
_AWAY_SECONDS = 5.0

_away_until = 0.0


def app() -> Celery:
    """Return the Celery application for the configured broker."""
    return _app(settings.BROKER_URL)


@lru_cache(maxsize=8)
def _app(url: str) -> Celery:
    made = Celery("acrportal", broker=url, set_as_current=False)
    made.conf.update(
        task_queues=[Queue(queue_name(pool)) for pool in WORKER_POOLS],
        task_create_missing_queues=False,
        task_default_queue=queue_name(Pool.WORK),
        task_ignore_result=True,
        # A message taken in advance would wait behind a long job.
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        # A worker without children sends no heartbeats during a job, so the broker
        # would drop it.
        broker_heartbeat=0,
    )
    return made


def queue_name(pool: Pool, duty: str = "") -> str:
    return f"{PREFIX}{pool}.{duty}" if duty else f"{PREFIX}{pool}"


def send(pool: Pool, duty: str = "") -> None:
    """Wake a worker of a pool, on a machine that does the duty.

    While the broker is away nothing is sent: workers look by themselves once it is back.
    """
    global _away_until
    if monotonic() < _away_until:
        return
    try:
        app().send_task(
            RUN, args=[pool.value], queue=Queue(queue_name(pool, duty)), retry_policy=_TRIES
        )
    except OperationalError:
        _away_until = monotonic() + _AWAY_SECONDS
        logger.exception("the broker does not answer; workers are woken later")


def messages_waiting(pool: Pool, duty: str = "") -> int:
    """Return how many messages the queue of a pool, or of its duty, holds.

    Raises kombu's ``OperationalError`` without a broker.
    """
    with app().connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
        declared = Queue(queue_name(pool, duty))(connection.default_channel)
        return int(declared.queue_declare(passive=False).message_count)
