"""The loops of a worker: each thread takes one job of its pool after the other."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, Full, Queue
from time import monotonic, sleep
from typing import TypeVar

from django.conf import settings
from django.db import close_old_connections, connection

from jobs import draining, periodic, runner, selectors, services
from jobs.choices import Pool
from jobs.errors import DatabaseGone
from jobs.leases import LeaseMemory

logger = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = {Pool.WORK: 1, Pool.TALK: 4}
# Pause between attempts while the database is unreachable.
_OUTAGE_SECONDS = 2.0
# How long an idle thread takes to see that the worker is stopping.
_IDLE_SECONDS = 0.5
_ENDS = (signal.SIGTERM, signal.SIGINT)


def run(pools: Collection[Pool], *, interval: float) -> None:
    """Work in threads until SIGTERM."""
    draining.forget()
    with draining_on_signals():
        threads, look_out = start_threads(pools, interval)
        watch = WatchThread()
        watch.start()
        companion = periodic.start_companions()
        for thread in (*threads, look_out, watch, companion):
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


class Bell:
    """Wakes one of the idle threads of a pool."""

    def __init__(self) -> None:
        self._rung: Queue[None] = Queue(maxsize=1)

    def ring(self) -> None:
        """Wake a thread, or the next one that waits."""
        with suppress(Full):
            self._rung.put_nowait(None)

    def wait(self) -> None:
        """Return when the bell rings, and from time to time."""
        with suppress(Empty):
            self._rung.get(timeout=_IDLE_SECONDS)


class PoolThread(threading.Thread):
    """Runs the jobs of a pool until the worker is stopping."""

    def __init__(self, pool: Pool, bell: Bell) -> None:
        super().__init__(name=f"{pool} jobs", daemon=True)
        self.pool, self._bell = pool, bell

    def run(self) -> None:
        """Run job after job, and wait for the bell while there is none."""
        while not draining.seconds():
            try:
                job = runner.take_next(self.pool)
                if job is not None:
                    # There may be another job, for another thread.
                    self._bell.ring()
                    runner.run(job)
                    continue
            except Exception:  # as an outage of the database: the thread must survive
                logger.exception("the worker goes on after a pause")
                close_old_connections()
                sleep(_OUTAGE_SECONDS)
                continue
            connection.close()
            self._bell.wait()
        connection.close()


class LookOut(threading.Thread):
    """Looks for due jobs and rings for idle threads, so that each need not look."""

    def __init__(self, bells: Mapping[Pool, Bell], interval: float) -> None:
        super().__init__(name="look-out", daemon=True)
        self._bells, self._interval = bells, interval

    def run(self) -> None:
        """Look again and again until the worker is stopping."""
        while not draining.seconds():
            try:
                for pool, bell in self._bells.items():
                    if selectors.may_be_due(pool):
                        bell.ring()
            except Exception:  # as above
                logger.exception("the worker looks for jobs again after a pause")
                sleep(_OUTAGE_SECONDS)
            close_old_connections()
            sleep(self._interval)
        connection.close()


def start_threads(
    pools: Collection[Pool], interval: float
) -> tuple[list[PoolThread], LookOut]:
    """Start the threads of some pools, and the one that looks for their jobs."""
    bells = {pool: Bell() for pool in pools}
    threads = [
        PoolThread(pool, bell)
        for pool, bell in bells.items()
        for _ in range(THREADS[pool])
    ]
    look_out = LookOut(bells, interval)
    for thread in (*threads, look_out):
        thread.start()
    return threads, look_out


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
                close_old_connections()
            sleep(self._pause)
        connection.close()
