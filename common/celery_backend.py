"""Celery as the queue, if ``BROKER_URL`` is set (RabbitMQ or Redis).

The database rows stay the truth: the sweeper queues lost messages again, and a worker
that gets a message twice finds the row claimed. Messages are therefore acknowledged on
receipt, and an unreachable broker loses no work.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from celery import Celery
from celery.signals import worker_shutting_down
from celery.worker import state
from django.conf import settings
from django.db import close_old_connections
from django.utils.module_loading import import_string
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task, TaskResult, TaskResultStatus
from django_tasks.utils import get_random_id, normalize_json
from kombu import Queue
from kombu.exceptions import OperationalError

from common import draining

# A short retry only: a person may be waiting, and the sweeper repeats it later.
logger = logging.getLogger(__name__)

QUEUE = "acrportal"
_RUN = "acrportal.run"
_LEVELS = 10
_TRIES = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.4}


@lru_cache(maxsize=1)
def celery_app() -> Celery:
    """Return the Celery application of this process, which has a single task."""
    app = Celery("acrportal", broker=settings.BROKER_URL, set_as_current=False)
    app.conf.update(
        task_queues=[Queue(QUEUE, max_priority=_LEVELS - 1)],
        task_default_queue=QUEUE,
        task_ignore_result=True,
        # A prefetched message would wait behind a long scan while other workers are
        # idle.
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        # A solo worker sends no heartbeats during a scan, so the broker would drop it.
        broker_heartbeat=0,
        broker_transport_options={
            "queue_order_strategy": "priority",
            "priority_steps": list(range(_LEVELS)),
        },
    )
    app.task(_run, name=_RUN, bind=True)
    return app


class CeleryBackend(BaseTaskBackend):
    """Sends tasks to the broker's queue."""

    supports_priority = True

    def enqueue(
        self, task: Task[..., Any], args: Any, kwargs: Any
    ) -> TaskResult[Any]:  # Any: the signature of the base class
        """Queue a task; if the broker is unreachable, the sweeper queues it later."""
        self.validate_task(task)
        payload = normalize_json({"args": args, "kwargs": kwargs})
        try:
            celery_app().send_task(
                _RUN,
                args=[task.module_path, payload["args"], payload["kwargs"]],
                priority=_level(task.priority),
                retry_policy=_TRIES,
            )
        except OperationalError:
            logger.exception("broker unreachable; %s is queued later", task.name)
        return TaskResult(
            task=task,
            id=get_random_id(),
            status=TaskResultStatus.READY,
            enqueued_at=datetime.now(tz=UTC),
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=payload["args"],
            kwargs=payload["kwargs"],
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )


def entries_waiting() -> int:
    """Return the number of waiting messages; ``OperationalError`` without a broker."""
    with celery_app().connection_for_read() as connection:
        connection.ensure_connection(max_retries=1, timeout=5)
        # Declare as the producer does: the broker refuses a queue with other arguments.
        declared = Queue(QUEUE, max_priority=_LEVELS - 1)(connection.default_channel)
        return int(declared.queue_declare(passive=False).message_count)


def run_worker(name: str) -> None:
    """Run jobs until SIGTERM, then finish the current one."""
    worker = celery_app().Worker(
        pool="solo",
        hostname=name,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="INFO",
    )
    worker_shutting_down.connect(_start_draining, weak=False)
    worker.start()


def _start_draining(**_signal: object) -> None:
    draining.begin()


def _run(entry: Any, path: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Run the task at a dotted path.

    Any: Celery's own type, and JSON.
    """
    if state.should_stop is not None:
        # The worker is stopping but already received this message: hand it back.
        entry.apply_async(
            args=[path, args, kwargs],
            priority=entry.request.delivery_info.get("priority"),
            retry_policy=_TRIES,
        )
        return
    task = import_string(path)
    if not isinstance(task, Task):
        raise TypeError(f"{path} is not a task")
    close_old_connections()
    try:
        task.call(*args, **kwargs)
    finally:
        close_old_connections()


def _level(priority: int) -> int:
    """Return the broker's priority of a task; on Redis the lowest is first."""
    level = min(max(_LEVELS // 2 + priority // 10, 0), _LEVELS - 1)
    return _LEVELS - 1 - level if settings.BROKER_URL.startswith("redis") else level
