"""The loop of ``manage.py stream_recorder``: a thread for each stream that it takes.

Beside them, one thread shows what plays now, and one looks after hours, sound and disk.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Final

from django.db import close_old_connections, connection

from base.jobs import draining, runner, selectors
from base.jobs.choices import Pool
from base.jobs.leases import lease_seconds
from base.jobs.loop import WatchThread, draining_on_signals
from plugins.monitoring.streams import caretaking, live, recorders
from plugins.monitoring.streams.models import Stream

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 0.5
_CARE_SECONDS: Final = 5.0
_ENDING_SECONDS: Final = 25.0


def run(*, most: int) -> None:
    """Record streams until SIGTERM, at most so many at once; then hand them back."""
    draining.forget()
    with draining_on_signals():
        watch = WatchThread(every=lease_seconds(Pool.STREAM) / 3)
        search = live.LiveSearch()
        beside = [
            watch,
            _Repeating("live search", live.EVERY_SECONDS, lambda: _search(search)),
            _Repeating("care of streams", _CARE_SECONDS, caretaking.look_after),
        ]
        for thread in beside:
            thread.start()
        taken: list[threading.Thread] = []
        while not draining.seconds():
            taken = [thread for thread in taken if thread.is_alive()]
            if len(taken) < most and _is_one_due():
                taken.append(_take_one())
            sleep(_PAUSE_SECONDS)
        deadline = monotonic() + _ENDING_SECONDS
        for thread in (*taken, *beside):
            thread.join(max(0.1, deadline - monotonic()))


def _is_one_due() -> bool:
    try:
        return selectors.due(Pool.STREAM).exists()
    except Exception:  # as an outage of the database: the loop must survive
        logger.exception("the recorder goes on after a pause")
        close_old_connections()
        return False


def _take_one() -> threading.Thread:
    thread = threading.Thread(target=_run_one, name="stream", daemon=True)
    thread.start()
    return thread


def _run_one() -> None:
    try:
        runner.run_next(Pool.STREAM)
    except Exception:  # the lease runs out, and a recorder takes the stream again
        logger.exception("a stream was left")
    finally:
        connection.close()


def _search(search: live.LiveSearch) -> None:
    streams = Stream.objects.filter(pk__in=recorders.recording_now())
    search.search(
        [
            (stream, recorders.folder_of(stream))
            for stream in streams.select_related("container", "station")
        ]
    )


class _Repeating(threading.Thread):
    """Calls a function again and again until the process is stopping."""

    def __init__(self, name: str, every: float, work: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._every, self._work = every, work

    def run(self) -> None:
        """Call it; exceptions are logged."""
        due = 0.0
        while not draining.seconds():
            if monotonic() < due:
                sleep(_PAUSE_SECONDS)
                continue
            # Rounds that take long are not made up for.
            due = monotonic() + self._every
            try:
                self._work()
            except Exception:  # the thread must survive, as an outage of the database
                logger.exception("%s failed; it is tried again", self.name)
            finally:
                connection.close()
