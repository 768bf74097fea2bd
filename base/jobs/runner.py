"""Runs jobs: takes the next one, does its work, and decides what becomes of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.common.databases import one_at_a_time
from base.common.outages import NO_ROOM, STORAGE_AWAY, outage_of
from base.jobs import clock, draining, resources, selectors
from base.jobs.choices import JobState, Pool
from base.jobs.context import JobContext
from base.jobs.errors import (
    Blocked,
    Cancelled,
    Failed,
    HandedBack,
    LeaseLost,
    Retry,
    Stopped,
    WaitsUntil,
)
from base.jobs.keeper import keep_lease
from base.jobs.kinds import all_kinds, find_kind
from base.jobs.leases import NO_LEASE, lease_end, worker_name
from base.jobs.models import Job
from recognition import interrupts
from recognition.errors import IndexUnavailable

logger = logging.getLogger(__name__)

# How soon a worker asks again for work that only others know.
_UNKNOWN_PAUSE = timedelta(minutes=5)
# The work may have run for long before it finds the disk full.
_ROOM_PAUSE = timedelta(minutes=1)


def run_next(pool: Pool, *, before: JobContext | None = None) -> Job | None:
    """Run the job that is next and return it; None where none may run.

    Only jobs that somebody waits for go ``before`` other work. Failures of the work are
    kept with the job; only a database that is away raises.
    """
    job = take_next(pool, for_people=before is not None)
    if job is not None:
        run(job, before=before)
    return job


def run(job: Job, *, before: JobContext | None = None) -> None:
    """Run a job that this process has taken; see ``run_next``."""
    kind = find_kind(job.kind)
    if kind is None:
        # A newer version may know it, or this portal once a plug-in is back.
        logger.info("%s is of a kind that this portal does not know; it waits", job)
        Job.objects.filter(pk=job.pk, lease_owner=job.lease_owner).update(
            state=JobState.WAITING,
            attempts=job.attempts - 1,
            run_after=clock.now() + _UNKNOWN_PAUSE,
            **NO_LEASE,
        )
        return
    try:
        subject = kind.find_subject(job.subject)
    except ObjectDoesNotExist:
        _drop(job)
        return
    # In a transaction that was open before, as in tests, others would not see the job.
    apart = not connection.in_atomic_block
    context = JobContext(
        job,
        kind,
        subject,
        give_way=lambda: _let_people_pass(context, apart=apart),
        goes_before=before,
    )
    try:
        with keep_lease(context):
            _attempt(context)
    except LeaseLost:
        logger.warning("%s was lost to another worker or ended; nothing is kept", job)


def take_next(pool: Pool, *, for_people: bool = False) -> Job | None:
    """Take the job that is next for this process; None where none may run."""
    duties = resources.duties_here()
    due = selectors.due(pool, for_people=for_people, duties=duties)
    if settings.ACRPORTAL_JOBS_AT_ONCE or any(
        kind.lane_limit() for kind in all_kinds() if kind.pool == pool
    ):
        # An idle SQLite worker must not take the write lock each time it looks.
        if not due.exists():
            return None
        # Counting what runs and taking one more must not interleave.
        with one_at_a_time("jobs"):
            job = selectors.due(pool, for_people=for_people, duties=duties).first()
            return job if job is not None and begin(job) else None
    if connection.features.has_select_for_update_skip_locked:
        with transaction.atomic():
            job = due.select_for_update(skip_locked=True).first()
            return job if job is not None and begin(job) else None
    # Others may take the same one first; then look again.
    while (job := due.all().first()) is not None:
        with transaction.atomic():
            if begin(job):
                return job
    return None


def begin(job: Job) -> bool:
    """Take a waiting job for this process; return False if it has changed."""
    columns: dict[str, object] = {
        "state": JobState.RUNNING,
        "lease_owner": worker_name(),
        "lease_until": lease_end(job.pool),
        "attempts": job.attempts + 1,
        "started_at": clock.now(),
        "blocked_by": "",
    }
    waiting = Job.objects.filter(
        pk=job.pk, state=JobState.WAITING, attempts=job.attempts, run_after=job.run_after
    )
    if not waiting.update(**columns):
        return False
    for name, value in columns.items():
        setattr(job, name, value)
    kind = find_kind(job.kind)
    if kind is not None:
        kind.show(job.subject, JobState.RUNNING)
    return True


@contextmanager
def here(job: Job) -> Iterator[JobContext]:
    """Let the block do a job that this process has begun for a person who waits.

    Nothing is tried again: an exception ends the job, and reaches the caller. If the
    process dies, a worker does the job.
    """
    kind = find_kind(job.kind)
    if kind is None:
        raise ValueError(_("There are no jobs of the kind %(kind)s.") % {"kind": job.kind})
    context = JobContext(job, kind, kind.find_subject(job.subject))
    try:
        with keep_lease(context):
            yield context
            if not context.is_finished:
                context.finish()
    except (Cancelled, GeneratorExit):
        _end_here(context, JobState.CANCELLED, "", "")
        raise
    except LeaseLost:
        raise
    except Failed as failed:
        _end_here(context, JobState.FAILED, failed.code, failed.cause)
        raise
    except Exception as error:
        cause = _("An error stopped it: %(describe)s") % {"describe": _describe(error)}
        _end_here(context, JobState.FAILED, "stopped", cause)
        raise


def _end_here(context: JobContext, state: JobState, code: str, cause: str) -> None:
    # The caller learns the outcome even if another worker has the job now.
    with suppress(LeaseLost):
        context.end(state, code, cause)


def _do_work(context: JobContext) -> None:
    work = import_string(context.kind.work)
    if context.kind.every is None:
        work(context)
        return
    # Regular work knows no job.
    work()
    Job.objects.filter(kind=context.job.kind, state=JobState.FAILED).delete()
    context.wait_until(clock.now() + context.kind.every)


def _attempt(context: JobContext) -> None:
    job = context.job
    try:
        with interrupts.checked_by(context.look), context.at_work():
            _do_work(context)
        if not context.is_finished:
            context.finish()
    except Stopped as stopped:
        _stop(context, stopped)
    except IndexUnavailable as error:
        _block(context, resources.INDEX, _describe(error))
    except Blocked as blocked:
        _block(context, blocked.resource)
    except Failed as failed:
        context.end(JobState.FAILED, failed.code, failed.cause)
    except Retry as retry:
        _try_later(context, retry.cause, retry.cause)
    except Exception as error:
        logger.exception("%s failed in attempt %d", job, job.attempts)
        _take_up_later(context, error)
    else:
        resources.unblock({*context.kind.needs, job.duty})


def _stop(context: JobContext, stopped: Stopped) -> None:
    """Handle the reason why the work stopped; a lost lease needs no handling."""
    match stopped:
        case Cancelled():
            context.end(JobState.CANCELLED, "", "")
        case HandedBack():
            context.put_off(attempts=context.job.attempts - 1)
        case WaitsUntil():
            # A slice lets others of its priority pass, also those of the same person.
            turn = max(context.job.turn + 1, selectors.next_turn(context.job))
            context.put_off(stopped.cause, attempts=0, run_after=stopped.at, turn=turn)
        case _:
            raise stopped


def _block(context: JobContext, resource: str, cause: str = "") -> None:
    resources.block(resource)
    context.put_off(
        cause,
        attempts=context.job.attempts - 1,
        run_after=clock.now() + resources.PAUSE,
        blocked_by=resource,
    )


def _describe(error: Exception) -> str:
    """Return an error's type and text as a database stores them: short, without NUL."""
    return f"{type(error).__name__}: {error}".replace("\0", "")[:300]


def _take_up_later(context: JobContext, error: Exception) -> None:
    """Let a job wait after an unforeseen error; during an outage, as often as it needs."""
    tried, cause = context.job.attempts, _describe(error)
    outage = outage_of(error)
    if outage is STORAGE_AWAY:
        context.put_off(
            cause,
            attempts=tried - 1,
            run_after=clock.now() + resources.PAUSE,
            blocked_by=resources.STORAGE,
        )
        return
    if outage is NO_ROOM:
        context.put_off(
            _("The disk is full. Free some space; the job is tried again every minute. (%(cause)s)")
            % {"cause": cause},
            attempts=tried - 1,
            run_after=clock.now() + _ROOM_PAUSE,
            blocked_by=resources.DISK,
        )
        return
    _try_later(
        context,
        _("Attempt %(tried)s failed: %(cause)s") % {"tried": tried, "cause": cause},
        ngettext(
            "It failed %(count)s time. The cause: %(cause)s",
            "It failed %(count)s times. The last time: %(cause)s",
            tried,
        )
        % {"count": tried, "cause": cause},
    )


def _try_later(context: JobContext, cause: str, last_cause: str) -> None:
    """Let the job wait for its next attempt, or fail it after the last one."""
    job, limit = context.job, context.kind.max_attempts()
    if limit is not None and job.attempts >= limit:
        context.end(JobState.FAILED, "gave_up", last_cause)
        return
    run_after = clock.now() + context.kind.pause(job.attempts)
    context.put_off(cause, run_after=run_after)


def _drop(job: Job) -> None:
    """End a job whose subject is gone."""
    Job.objects.filter(pk=job.pk, lease_owner=job.lease_owner).update(
        state=JobState.CANCELLED,
        cause=_("Its subject was deleted."),
        finished_at=clock.now(),
        **NO_LEASE,
    )


def _let_people_pass(context: JobContext, *, apart: bool) -> None:
    """Run the jobs that people wait for, ``apart`` in a thread with its own connection.

    The work that gives way may be in the middle of a query of its own, or of a
    transaction that only reads. While the worker stops, it takes no more jobs.
    """

    def run_all() -> None:
        while not draining.seconds():
            if run_next(context.kind.pool, before=context) is None:
                return

    def run_apart() -> None:
        try:
            run_all()
        except Exception:
            logger.exception("A job that went before others could not be run.")
        finally:
            connection.close()

    if not apart:
        run_all()
        return
    thread = threading.Thread(target=run_apart, name="jobs of people", daemon=True)
    thread.start()
    # As long as it takes: if a job hangs in it, the leases of both run out. A batch worker
    # waits here in its main thread, which must still notice signals.
    draining.join(thread)
