"""The loops of a worker: each thread takes one job of its pool after the other."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic, sleep
from typing import TypeVar

from django.conf import settings
from django.db import close_old_connections, connection

from jobs import draining, periodic, runner, services
from jobs.choices import Pool
from jobs.errors import DatabaseGone
from jobs.leases import LeaseMemory

logger = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = {Pool.WORK: 1, Pool.TALK: 4}
# Pause between attempts while the database is unreachable.
_OUTAGE_SECONDS = 2.0
_ENDS = (signal.SIGTERM, signal.SIGINT)


def run(pools: Collection[Pool], *, interval: float) -> None:
    """Work in threads until SIGTERM."""
    draining.forget()
    with draining_on_signals():
        threads = [thread for pool in pools for thread in start_threads(pool, interval)]
        watch = WatchThread()
        watch.start()
        companion = periodic.start_companions()
        for thread in (*threads, watch, companion):
            thread.join()


def run_batch(pools: Collection[Pool]) -> None:
    """Run all due jobs and all periodic work in this thread until nothing is left."""
    draining.forget()
    with draining_on_signals():
        _through_outages(look_after_jobs)
        _through_outages(periodic.run_now)
        # Regular work first, because it asks for jobs.
        order = [pool for pool in (Pool.TALK, Pool.WORK) if pool in pools]
        while not draining.seconds():
            if not any(_through_outages(partial(step, pool)) for pool in order):
                break
        periodic.call_companions()


def _through_outages(work: Callable[[], T]) -> T:
    while True:
        try:
            return work()
        except DatabaseGone:
            logger.exception("the database did not answer; trying again")
            close_old_connections()
            sleep(_OUTAGE_SECONDS)


def step(pool: Pool) -> bool:
    """Run the next job of a pool; return whether there was one."""
    return runner.run_next(pool) is not None


def look_after_jobs(memory: LeaseMemory | None = None) -> None:
    """Take work back from workers that died, and plan regular work."""
    services.settle_times()
    services.reclaim(memory)
    periodic.plan()


@contextmanager
def draining_on_signals() -> Iterator[None]:
    """Let the first signal finish the work or hand it back, and the second end it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDS}

    def put_back(*_signal: object) -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def drain(*_signal: object) -> None:
        draining.begin()
        put_back()

    for number in _ENDS:
        signal.signal(number, drain)
    try:
        yield
    finally:
        put_back()


class PoolThread(threading.Thread):
    """Runs the jobs of a pool until the worker is stopping."""

    def __init__(self, pool: Pool, interval: float) -> None:
        super().__init__(name=f"{pool} jobs", daemon=True)
        self.pool, self._interval = pool, interval

    def run(self) -> None:
        """Run job after job, and sleep while there is none."""
        while not draining.seconds():
            try:
                if not step(self.pool):
                    close_old_connections()
                    sleep(self._interval)
            except Exception:  # as an outage of the database: the thread must survive
                logger.exception("the worker goes on after a pause")
                close_old_connections()
                sleep(_OUTAGE_SECONDS)
        connection.close()


def start_threads(pool: Pool, interval: float) -> list[PoolThread]:
    """Start the threads of a pool."""
    threads = [PoolThread(pool, interval) for _ in range(THREADS[pool])]
    for thread in threads:
        thread.start()
    return threads


class WatchThread(threading.Thread):
    """Takes jobs back from dead workers and plans regular work, three times per lease.

    A job of a worker that died thus waits at most a third longer than its lease.
    """

    def __init__(
        self,
        between: Callable[[], None] = lambda: None,
        pause: float = 0.5,
        every: float | None = None,
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._between, self._pause = between, pause
        self._every = every or settings.ACRPORTAL_LEASE_SECONDS / 3

    def run(self) -> None:
        """Look after the jobs from time to time, and call ``between`` in each round."""
        next_look, memory = 0.0, LeaseMemory()
        while not draining.seconds():
            try:
                if monotonic() >= next_look:
                    next_look = monotonic() + self._every
                    look_after_jobs(memory)
                self._between()
            except Exception:  # the thread must survive; the next look tries again
                logger.exception("looking after the jobs failed")
                # While the database was away, no worker could renew its leases.
                memory = LeaseMemory()
            finally:
                # Children of a worker are forked at any time, without a connection.
                connection.close()
            sleep(self._pause)
