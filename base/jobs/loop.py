"""The loops of a worker: each thread takes one job of its pool after the other."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Empty, Full, Queue
from time import monotonic, sleep
from typing import TypeVar

from django.conf import settings
from django.db import close_old_connections, connection

from base.jobs import draining, machines, periodic, runner, services
from base.jobs.choices import Pool
from base.jobs.due_jobs import DueJobs
from base.jobs.errors import DatabaseGone
from base.jobs.leases import LeaseMemory, worker_name

logger = logging.getLogger(__name__)

T = TypeVar("T")

THREADS = {Pool.WORK: 1, Pool.TALK: 4}
# Pause between attempts while the database is unreachable.
_OUTAGE_SECONDS = 2.0
# An idle thread checks at least this often whether the worker is stopping. It looks for
# jobs only when it is woken.
_IDLE_SECONDS = 0.5
_ENDS = (signal.SIGTERM, signal.SIGINT)


def run(pools: Collection[Pool], *, interval: float) -> None:
    """Work in threads until SIGTERM."""
    draining.forget()
    with draining_on_signals():
        threads = start_threads(pools, interval)
        watch = WatchThread(pools)
        watch.start()
        companion = periodic.start_companions()
        note_begin(pools)
        for thread in (*threads, watch, companion):
            draining.join(thread)
    note_end()


def note_begin(pools: Collection[Pool]) -> None:
    """Log that this process works, and for which pools."""
    logger.info("worker %s begins: %s", worker_name(), ", ".join(pools))


def note_end() -> None:
    """Log that this process takes no more jobs."""
    logger.info("worker %s ends", worker_name())


def run_batch(pools: Collection[Pool]) -> None:
    """Run all due jobs and all periodic work in this thread until nothing is left."""
    draining.forget()
    with draining_on_signals():
        _through_outages(machines.Statements(pools).renew)
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
    services.note_undone_duties()
    periodic.plan()


@contextmanager
def draining_on_signals() -> Iterator[None]:
    """Have SIGTERM and Ctrl+C finish the work or hand it back; a second Ctrl+C ends it.

    Further SIGTERMs change nothing, because a process group and a parent each send one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def drain(number: int, _frame: object) -> None:
        draining.begin()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    before = {number: signal.signal(number, drain) for number in _ENDS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Wakeup:
    """Wakes one idle thread of a pool at a time."""

    def __init__(self) -> None:
        self._sent: Queue[None] = Queue(maxsize=1)

    def send(self) -> None:
        """Wake one idle thread, or the next one that becomes idle."""
        with suppress(Full):
            self._sent.put_nowait(None)

    def wait(self) -> None:
        """Wait until a wake-up is sent or the worker is stopping."""
        while not draining.seconds():
            with suppress(Empty):
                self._sent.get(timeout=_IDLE_SECONDS)
                return


class PoolThread(threading.Thread):
    """Runs the jobs of a pool until the worker is stopping."""

    def __init__(self, pool: Pool, wakeup: Wakeup) -> None:
        super().__init__(name=f"{pool} jobs", daemon=True)
        self._pool, self._wakeup = pool, wakeup

    def run(self) -> None:
        """Run one job after the other, and wait to be woken while there is none."""
        while not draining.seconds():
            try:
                if not self._step():
                    connection.close()
                    self._wakeup.wait()
            except Exception:  # as an outage of the database: the thread must survive
                logger.exception("the worker goes on after a pause")
                close_old_connections()
                sleep(_OUTAGE_SECONDS)
        connection.close()

    def _step(self) -> bool:
        """Run the next job of the pool; return whether there was one."""
        job = runner.take_next(self._pool)
        if job is None:
            return False
        # There may be another job, which another thread can run meanwhile.
        self._wakeup.send()
        runner.run(job)
        return True


class DueJobsThread(threading.Thread):
    """Looks for due jobs and wakes idle threads, so that not every thread has to look."""

    def __init__(self, wakeups: Mapping[Pool, Wakeup], interval: float) -> None:
        super().__init__(name="due jobs", daemon=True)
        self._wakeups, self._interval = wakeups, interval

    def run(self) -> None:
        """Look again and again until the worker is stopping."""
        jobs = DueJobs(self._wakeups.keys())
        while not draining.seconds():
            try:
                for pool in jobs.look():
                    self._wakeups[pool].send()
            except Exception:  # as in ``PoolThread``
                logger.exception("the worker looks for jobs again after a pause")
                sleep(_OUTAGE_SECONDS)
            close_old_connections()
            sleep(self._interval)
        connection.close()


def start_threads(pools: Collection[Pool], interval: float) -> list[threading.Thread]:
    """Start the threads that run the jobs of some pools, and the one that wakes them.

    ``interval`` is the pause between two looks for due jobs, in seconds.
    """
    wakeups = {pool: Wakeup() for pool in pools}
    threads: list[threading.Thread] = [
        PoolThread(pool, wakeup) for pool, wakeup in wakeups.items() for _ in range(THREADS[pool])
    ]
    if wakeups:
        threads.append(DueJobsThread(wakeups, interval))
    for thread in threads:
        thread.start()
    return threads


class WatchThread(threading.Thread):
    """States the duties of this machine for some pools, and looks after all jobs.

    It takes jobs back from dead workers and plans regular work three times per lease, so
    a job of a worker that died waits at most a third longer than its lease.
    """

    def __init__(
        self,
        pools: Collection[Pool] = (),
        between: Callable[[], None] = lambda: None,
        pause: float = 0.5,
        every: float | None = None,
    ) -> None:
        super().__init__(name="watch", daemon=True)
        self._statements = machines.Statements(pools)
        self._between, self._pause = between, pause
        self._every = every or settings.ACRPORTAL_LEASE_SECONDS / 3

    def run(self) -> None:
        """Look after the jobs from time to time, and call ``between`` in each round."""
        next_look, memory = 0.0, LeaseMemory()
        while not draining.seconds():
            try:
                _note_alive()
                self._statements.renew()
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


def _note_alive() -> None:
    if settings.ACRPORTAL_ALIVE_FILE:
        Path(settings.ACRPORTAL_ALIVE_FILE).touch()
