"""One thread per process that keeps the leases of the jobs that run in it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, connection

from base.jobs.context import JobContext

logger = logging.getLogger(__name__)

# A cancelled job stops within a second, its own steps included.
_BEAT_SECONDS = 0.5


class _Keeper(threading.Thread):
    """Beats for every running job until the process ends."""

    def __init__(self) -> None:
        super().__init__(name="lease keeper", daemon=True)
        self.pid = os.getpid()
        self._contexts: set[JobContext] = set()
        self._is_needed = threading.Event()

    def add(self, context: JobContext) -> None:
        self._contexts.add(context)
        self._is_needed.set()

    def remove(self, context: JobContext) -> None:
        self._contexts.discard(context)

    def run(self) -> None:
        pause = threading.Event()
        while True:
            self._is_needed.wait()
            # Pause before the first beat: most jobs end sooner and need none.
            pause.wait(_BEAT_SECONDS)
            for context in tuple(self._contexts):
                try:
                    context.beat()
                except Error:
                    # Busy or away: the lease outlasts several beats.
                    logger.warning("A lease was not renewed.", exc_info=True)
                    connection.close()
            if not self._contexts:
                connection.close()
                self._is_needed.clear()
                if self._contexts:  # added between the look and the clearing
                    self._is_needed.set()


_keeper: _Keeper | None = None
_starting = threading.Lock()


@contextmanager
def keep_lease(context: JobContext) -> Iterator[None]:
    """Keep the lease of a job while the block runs.

    Inside an open transaction, as in tests, another thread would not see the job:
    there the job's own reports keep the lease.
    """
    if connection.in_atomic_block:
        yield
        return
    keeper = _started()
    keeper.add(context)
    try:
        yield
    finally:
        keeper.remove(context)


def _started() -> _Keeper:
    """Return the keeper of this process; a fork has none until it needs one."""
    global _keeper
    with _starting:
        if _keeper is None or _keeper.pid != os.getpid():
            _keeper = _Keeper()
            _keeper.start()
        return _keeper
