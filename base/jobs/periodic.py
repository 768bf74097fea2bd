"""Regular work: jobs without a subject that run again and again, each at its interval.

Each has one row, which waits for its next time. A failure stays beside it until the
work succeeds, so that people see it on the jobs page.

Regular work runs once for all machines. Companions, such as following the catalogue,
run beside the jobs of every worker process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import timedelta
from time import sleep

from django.db import close_old_connections, connection, transaction
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from base.jobs import clock, draining, services
from base.jobs.choices import OPEN_STATES, JobState, Pool, Priority
from base.jobs.kinds import Kind, all_kinds, register, regular_work
from base.jobs.models import Job

logger = logging.getLogger(__name__)

_COMPANIONS_PAUSE_SECONDS = 1.0
_companions: list[str] = []


def periodic(
    name: str,
    work: str,
    *,
    every: timedelta,
    label: str | Promise,
    needs: frozenset[str] = frozenset(),
) -> Kind:
    """Register a function without arguments, by its path, to run again and again.

    It should take seconds, because callbacks and deliveries wait for the same threads.
    """
    return register(
        Kind(
            name,
            None,
            work,
            label=label,
            pool=Pool.TALK,
            priority=Priority.CLOCK,
            key=lambda _subject: "clock",
            every=every,
            needs=needs,
        )
    )


def plan() -> None:
    """Give each regular work its job; after a failure, at its next time."""
    planned = Job.objects.filter(kind__in=regular_work(), state__in=OPEN_STATES)
    present = set(planned.values_list("kind", flat=True))
    for kind in all_kinds():
        if kind.every is None or kind.name in present:
            continue
        failed = failures().filter(kind=kind.name)
        last = failed.first()
        if last is None or last.finished_at is None:
            services.submit(kind, None)
        else:
            # The clock may have been set back since.
            at = min(last.finished_at, clock.now()) + kind.every
            services.submit(kind, None, at=at)
            failed.filter(pk__lt=last.pk).delete()


def failures() -> QuerySet[Job]:
    """Return the failed jobs of regular work, the newest first."""
    failed = Job.objects.filter(kind__in=regular_work(), state=JobState.FAILED)
    return failed.order_by("-pk")


def run_now() -> None:
    """Let the planned regular work begin at once."""
    _begin_now(regular_work())


def _begin_now(kinds: Iterable[str]) -> None:
    waiting = Job.objects.filter(kind__in=kinds, state=JobState.WAITING)
    waiting.update(run_after=clock.now())


@transaction.atomic
def try_again(failed: Job) -> None:
    """Let regular work that failed begin at once, and forget the failure."""
    plan()
    _begin_now([failed.kind])
    failed.delete()
    services.wake(Pool.TALK)


def beside_jobs(path: str) -> None:
    """Register a function without arguments, by its path, to be called each second."""
    _companions.append(path)


def start_companions() -> threading.Thread:
    """Call the registered functions in a thread until the worker is stopping."""
    thread = threading.Thread(target=_call_until_stopping, name="beside jobs", daemon=True)
    thread.start()
    return thread


def call_companions() -> None:
    """Call the registered functions once."""
    for path in _companions:
        try:
            import_string(path)()
        except Exception:  # the worker must survive, as an outage of the database
            logger.exception("%s failed; it is called again", path)


def _call_until_stopping() -> None:
    while not draining.seconds():
        call_companions()
        close_old_connections()
        sleep(_COMPANIONS_PAUSE_SECONDS)
    connection.close()
