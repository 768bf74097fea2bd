"""A worker that the broker's messages wake; ``base.jobs.broker`` sends them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection
from typing import Any

from celery import Celery, bootsteps
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import celeryd_init, setup_logging, worker_shutting_down
from django.db import close_old_connections
from kombu.exceptions import OperationalError

from base.jobs import broker, draining, loop, periodic, resources, selectors
from base.jobs.choices import WORKER_POOLS, Pool
from base.jobs.leases import worker_name

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
# Pools whose jobs threads of this process run, without Celery's messages.
_pools_of_threads: set[Pool] = set()


def worker_app() -> Celery:
    """Return the Celery application with its task and the watch over jobs."""
    app = broker.app()
    app.task(_run, name=broker.RUN)
    app.steps["worker"].add(_ChildWatch)
    app.steps["consumer"].add(_ConnectionNote)
    celeryd_init.connect(_without_banner)
    setup_logging.connect(_keep_logging)
    return app


def run_worker(pools: Collection[Pool], *, interval: float) -> None:
    """Run a Celery worker in this process until SIGTERM; threads talk beside it."""
    _pools_of_threads.update(pool for pool in pools if pool is not Pool.WORK)
    threads = loop.start_threads(_pools_of_threads, interval)
    companion = periodic.start_companions()
    worker_app().Worker(
        pool="solo",
        queues=[broker.queue_name(pool) for pool in pools],
        hostname=worker_name(),
        # Workers learn nothing from each other, and one that is busy would look to the
        # others as if its clock were wrong.
        without_gossip=True,
        without_mingle=True,
    ).start()
    for thread in (*threads, companion):
        draining.join(thread)


def _run(pool: str) -> None:
    """Run the due jobs of a pool."""
    # Threads of this process look by themselves.
    if pool in _pools_of_threads:
        return
    close_old_connections()
    try:
        while not draining.seconds() and loop.step(Pool(pool)):
            pass
    finally:
        close_old_connections()


class _ChildWatch(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Keeps watch in each Celery worker, beside its children.

    The worker consumes the queues of its machine's duties beside those that it was
    started with.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:  # Any: Celery's own types
        super().__init__(worker, **options)
        # Before any child is forked.
        draining.forget()

    def start(self, worker: Any) -> None:  # Any: Celery's own type
        """Take jobs back from dead workers, and replace lost messages."""
        worker_shutting_down.connect(_begin_draining)
        # Celery shows these always. At each lost connection it would explain a setting for
        # messages that are acknowledged late, which ours are not.
        warnings.simplefilter("ignore", CPendingDeprecationWarning)
        names = set(worker.app.amqp.queues.consume_from)
        pools = [pool for pool in WORKER_POOLS if broker.queue_name(pool) in names]
        duties = _DutyQueues(worker, pools)

        def look() -> None:
            duties.follow()
            _wake_idle(pools, duties.duties)

        self._watch = loop.WatchThread(pools, look, _LOOK_SECONDS)
        self._watch.start()
        loop.note_begin(pools)

    def stop(self, _worker: Any) -> None:  # Any: as above
        """Let running jobs finish or hand themselves back."""
        _begin_draining()
        draining.join(self._watch)
        loop.note_end()


class _ConnectionNote(bootsteps.StartStopStep):  # type: ignore[misc]  # as above
    """Logs each connection to the broker; Celery itself logs its loss."""

    requires = ("celery.worker.consumer.connection:Connection",)

    def start(self, consumer: Any) -> None:  # Any: as above
        """Log the address, without its password."""
        logger.info("connected to the broker at %s", consumer.connection.as_uri())


def _keep_logging(**_signal: object) -> None:
    """Keep the logging of the settings; Celery's own would drop what is no warning."""


def _without_banner(instance: Any, **_signal: object) -> None:  # Any: as above
    instance.quiet = True


def _begin_draining(**_signal: object) -> None:
    draining.begin()


class _DutyQueues:
    """Lets a worker consume the queues of the duties that its machine does."""

    def __init__(self, worker: Any, pools: Collection[Pool]) -> None:  # Any: as above
        self._worker, self._pools = worker, pools
        self.duties: frozenset[str] = frozenset()

    def follow(self) -> None:
        """Begin to consume the queues of new duties, and end with those of lost ones.

        The worker's own thread does so, once it consumes at all.
        """
        consumer = self._worker.consumer
        if consumer is None or consumer.task_consumer is None:
            return
        here = frozenset(resources.duties_here())
        for pool in self._pools:
            for duty in here - self.duties:
                name = broker.queue_name(pool, duty)
                queue = {"exchange": "", "exchange_type": "direct", "routing_key": name}
                consumer.call_soon(consumer.add_task_queue, name, **queue)
            for duty in self.duties - here:
                consumer.call_soon(consumer.cancel_task_queue, broker.queue_name(pool, duty))
        self.duties = here


def _wake_idle(pools: Collection[Pool], duties: Collection[str] = ()) -> None:
    """Send a message to each queue of due jobs that has none."""
    for pool in pools:
        due = selectors.due(pool)
        for duty in {"", *duties}:
            if due.filter(duty=duty).exists():
                try:
                    if not broker.messages_waiting(pool, duty):
                        broker.send(pool, duty)
                except OperationalError:
                    logger.warning("the broker does not answer")
