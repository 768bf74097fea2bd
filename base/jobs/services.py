"""Asking for jobs, cancelling them, trying them again, and clearing up after workers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, models, transaction
from django.utils.translation import ngettext

from base.accounts.models import User
from base.accounts.reach import person_at_work
from base.common.databases import violates
from base.common.phrases import for_the_record
from base.jobs import clock, machines, resources, runner, selectors
from base.jobs.choices import OPEN_STATES, WORKER_POOLS, JobState, Pool, Priority
from base.jobs.context import person_behind
from base.jobs.errors import DatabaseGone
from base.jobs.kinds import Kind, find_kind
from base.jobs.leases import NO_LEASE, LeaseMemory
from base.jobs.models import Job

logger = logging.getLogger(__name__)

# Clocks of web servers differ a little from that of the jobs.
_CLOCK_TOLERANCE = timedelta(seconds=5)
PERSON_CAP = 20
"""How many waiting jobs of one person go before the usual ones; more are bulk."""
DONE_KEPT = timedelta(days=7)
_FAILED_KEPT = timedelta(days=14)


def submit(
    kind: Kind,
    subject: models.Model | None,
    *,
    user: User | None = None,
    person_waits: bool = False,
    at: datetime | None = None,
    data: dict[str, object] | None = None,
) -> Job:
    """Submit a job; return the open one if the same work is already submitted.

    The job is part of the open transaction, and workers are woken when that commits.
    ``user`` asked for it: the person at work, or the one whose job asks, if left out.
    ``person_waits`` lets it go before other work, ``at`` is its earliest start.
    """
    user = user or person_at_work() or person_behind()
    priority = Priority.PERSON if person_waits else kind.priority
    job = _new_job(kind, subject, _within_cap(priority, kind, user), user)
    job.data = data or {}
    job.run_after = at or job.run_after
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError as error:
        if not violates(error, Job, "job_one_open_per_key"):
            raise
        existing = _hurry(kind, job)
        if existing is None:
            raise
        return existing
    kind.show(job.subject, JobState.WAITING, job.cause)
    _wake_for(job)
    return job


def submit_for_new(kind: Kind, subject: models.Model) -> Job:
    """Ask for the job of a row that the open transaction has just made.

    Nobody else can have asked for it, and the row says already that it waits. Neither is
    checked, which shortens the transaction: on SQLite everybody else waits to write.
    """
    job = _new_job(kind, subject, kind.priority, person_at_work())
    job.save(force_insert=True)
    _wake_for(job)
    return job


def _new_job(kind: Kind, subject: models.Model | None, priority: int, user: User | None) -> Job:
    """Return an unsaved job that waits."""
    job = Job(
        kind=kind.name,
        subject=subject.pk if subject else None,
        pool=kind.pool,
        priority=priority,
        lane=f"{kind.name}:{kind.lane(subject)}" if kind.lane else "",
        duty=kind.duty(subject),
        requested_by=user,
        run_after=clock.now(),
    )
    job.key = kind.key(subject) or job.uid
    job.turn = selectors.next_turn(job)
    if job.duty:
        # Without any worker, it is not the duty that the job waits for.
        done = machines.done_duties().get(kind.pool)
        if done is not None and job.duty not in done:
            _note_nobody(job)
    return job


def _note_nobody(job: Job) -> None:
    with for_the_record():
        job.cause = resources.why_nobody(job.duty)[:1000]
    job.blocked_by = job.duty


def note_undone_duties() -> None:
    """Say of each waiting job whether it waits for a duty that nobody does.

    A job that nobody can do gets the duty that its row has today: the number of
    partitions or the folders of drops may have changed since somebody asked for it.
    """
    waiting = Job.objects.filter(state=JobState.WAITING).exclude(duty="")
    _drop_without_subject(waiting)
    done = machines.done_duties()
    jobs = list(waiting)
    undone = [job for job in jobs if job.duty not in done.get(Pool(job.pool), ())]
    changed = _renew_duties(undone)
    for job in jobs:
        is_done = not job.duty or job.duty in done.get(Pool(job.pool), ())
        if is_done != bool(job.blocked_by) and job.pk not in changed:
            continue
        if is_done:
            job.cause = job.blocked_by = ""
        else:
            _note_nobody(job)
        still = Job.objects.filter(pk=job.pk, state=JobState.WAITING)
        columns = {"duty": job.duty, "cause": job.cause, "blocked_by": job.blocked_by}
        kind = find_kind(job.kind)
        with transaction.atomic():
            if still.update(**columns) and kind:
                kind.show(job.subject, JobState.WAITING, job.cause)
            if job.pk in changed:
                _wake_for(job)


def _renew_duties(jobs: Sequence[Job]) -> set[int]:
    """Give jobs the duties of their rows today; return the keys of those that changed."""
    changed = set()
    subjects = selectors.subjects_of(jobs)
    for job in jobs:
        kind, subject = find_kind(job.kind), subjects.get((job.kind, job.subject))
        duty = kind.duty(subject) if kind and subject else job.duty
        if duty != job.duty:
            job.duty = duty
            changed.add(job.pk)
    return changed


def _drop_without_subject(waiting: models.QuerySet[Job]) -> None:
    """End jobs whose row was deleted; their duty may be one that nobody does again."""
    for name in set(waiting.order_by().values_list("kind", flat=True)):
        kind = find_kind(name)
        if kind is not None and kind.model is not None:
            rows = kind.model._base_manager.values("pk")
            waiting.filter(kind=name).exclude(subject__in=rows).update(
                state=JobState.CANCELLED, finished_at=clock.now()
            )


def _wake_for(job: Job) -> None:
    wake(Pool(job.pool), job.duty)


def wake(pool: Pool, duty: str = "") -> None:
    """Let a worker of a pool look for jobs once the open transaction commits.

    It is a worker whose machine does the ``duty``, if there is one.

    Workers of ``manage.py worker`` look by themselves. Those of a broker get a message,
    which says only that: the rows decide what runs.
    """
    if settings.BROKER_URL and pool in WORKER_POOLS:
        # Most installations have no broker and skip the import.
        from base.jobs import broker

        transaction.on_commit(partial(broker.send, pool, duty))


def begin_here(kind: Kind, subject: models.Model, *, user: User | None = None) -> Job:
    """Make a job that this process does itself, with ``base.jobs.runner.here``."""
    with transaction.atomic():
        job = submit(kind, subject, user=user)
        runner.begin(job)
    return job


def _within_cap(priority: int, kind: Kind, user: User | None) -> int:
    """Return the priority of a job: no more than usual for what one person has in bulk."""
    if priority < Priority.PERSON or user is None:
        return priority
    mine = Job.objects.filter(state=JobState.WAITING, priority=Priority.PERSON, requested_by=user)
    has_many = mine.count() >= PERSON_CAP
    return min(kind.priority, Priority.USUAL) if has_many else priority


def _hurry(kind: Kind, new_job: Job) -> Job | None:
    """Return the open job for the same work, moved forward if this one is more urgent."""
    same = Job.objects.filter(kind=kind.name, key=new_job.key, state__in=OPEN_STATES)
    waiting = same.filter(state=JobState.WAITING)
    waiting.filter(priority__lt=new_job.priority).update(priority=new_job.priority)
    waiting.filter(run_after__gt=new_job.run_after).update(run_after=new_job.run_after)
    job = same.first()
    if job is not None:
        _wake_for(job)
    return job


def cancel(job: Job) -> bool:
    """Cancel a job that waits at once, one that runs at its next report.

    Return False if it has ended already.
    """
    with transaction.atomic():
        now = clock.now()
        waiting = Job.objects.filter(pk=job.pk, state=JobState.WAITING)
        if waiting.update(state=JobState.CANCELLED, finished_at=now):
            _end_subject(job, JobState.CANCELLED, "", "")
            return True
        running = Job.objects.filter(pk=job.pk, state=JobState.RUNNING)
        return bool(running.update(cancel_requested=True))


def try_again(job: Job) -> bool:
    """Let a failed job wait again, with all its attempts; False if it cannot."""
    # Behind what others asked for meanwhile.
    job.turn = selectors.next_turn(job)
    try:
        with transaction.atomic():
            revived = Job.objects.filter(pk=job.pk, state=JobState.FAILED).update(
                state=JobState.WAITING,
                attempts=0,
                progress=0,
                turn=job.turn,
                code="",
                cause="",
                cancel_requested=False,
                finished_at=None,
                run_after=clock.now(),
            )
    except IntegrityError as error:
        # The same work was asked for meanwhile.
        if not violates(error, Job, "job_one_open_per_key"):
            raise
        return False
    if revived:
        kind = find_kind(job.kind)
        if kind is not None:
            kind.show(job.subject, JobState.WAITING)
        _wake_for(job)
    return bool(revived)


def hold_back(
    kind: Kind, subjects: models.QuerySet[Any], *, until: datetime
) -> int:  # Any: rows of the kind's own model
    """Let the waiting jobs of rows begin no sooner than ``until``; return how many.

    If a receiver or an account is away, its other jobs need not find out one by one.
    """
    waiting = _waiting_of(kind, subjects)
    return waiting.filter(run_after__lt=until).update(run_after=until)


def bring_forward(
    kind: Kind, subjects: models.QuerySet[Any]
) -> int:  # Any: rows of the kind's own model
    """Let the waiting jobs of rows begin now, whatever they wait for; return how many."""
    now = clock.now()
    waiting = _waiting_of(kind, subjects).filter(run_after__gt=now)
    duties = set(waiting.values_list("duty", flat=True))
    count = waiting.update(run_after=now)
    for duty in duties:
        wake(kind.pool, duty)
    return count


def _waiting_of(
    kind: Kind, subjects: models.QuerySet[Any]
) -> models.QuerySet[Job]:  # Any: rows of the kind's own model
    return Job.objects.filter(
        kind=kind.name, subject__in=subjects.values("pk"), state=JobState.WAITING
    )


def cancel_subject(kind: Kind, subject: models.Model) -> bool:
    """Cancel the open job of a row; return False if it has none."""
    job = selectors.jobs_of(kind, [subject], OPEN_STATES).get(subject.pk)
    return job is not None and cancel(job)


def try_subject_again(kind: Kind, subject: models.Model, *, user: User | None = None) -> bool:
    """Let the work on a row be tried now, with all its attempts.

    Its failed job waits again, one that waits begins anew, or there is a new one.
    Return False if the same work is asked for already.
    """
    failed = selectors.jobs_of(kind, [subject], [JobState.FAILED]).get(subject.pk)
    if failed is not None:
        return try_again(failed)
    job = submit(kind, subject, user=user)
    if job.attempts:
        Job.objects.filter(pk=job.pk, state=JobState.WAITING).update(attempts=0)
    return bool(job.subject == subject.pk)


def reclaim(memory: LeaseMemory | None = None) -> int:
    """Let jobs wait again whose worker died; return how many there were.

    Those that were to be cancelled end, and those that were begun too often fail.
    Without a ``memory`` of earlier looks, the clock alone says which leases ran out.
    """
    count = 0
    running = Job.objects.filter(state=JobState.RUNNING)
    for job in memory.lost(running) if memory else selectors.lost_leases():
        try:
            with transaction.atomic():
                count += _reclaimed(job)
        except DatabaseGone:
            raise
        except Exception:  # the others must not wait for one that cannot be reached
            logger.exception("%s could not be taken back from its worker", job)
    return count


def _reclaimed(job: Job) -> bool:
    """Take a job back from a worker; return False if it is no longer lost."""
    kind = find_kind(job.kind)
    limit = kind.max_attempts() if kind else None
    lost = Job.objects.filter(
        pk=job.pk,
        state=JobState.RUNNING,
        lease_owner=job.lease_owner,
        lease_until=job.lease_until,
        attempts=job.attempts,
    )
    if job.cancel_requested:
        state, code, cause = JobState.CANCELLED, "", ""
    elif limit is not None and job.attempts >= limit:
        state, code = JobState.FAILED, "lost_worker"
        cause = ngettext(
            "Its worker died or hung %(count)s time.",
            "Its worker died or hung %(count)s times.",
            job.attempts,
        ) % {"count": job.attempts}
    else:
        if not lost.update(state=JobState.WAITING, progress=0, **NO_LEASE):
            return False
        if kind is not None:
            kind.show(job.subject, JobState.WAITING)
        return True
    now = clock.now()
    columns = {"state": state, "code": code, "cause": cause, "finished_at": now}
    if not lost.update(**columns, **NO_LEASE):
        return False
    _end_subject(job, state, code, cause)
    return True


def settle_times() -> None:
    """Move back the times of jobs that lie ahead of the clock.

    Nothing was asked for or begun in the future: the clock has been set back, or was
    another machine's. These jobs would wait as much longer, so they get the rest of
    their wait from now on.
    """
    now = clock.now()
    ahead = selectors.ahead_of(now + _CLOCK_TOLERANCE)
    for job in ahead:
        begun_at = max(job.created_at, job.started_at or job.created_at)
        wait = max(timedelta(0), job.run_after - begun_at)
        Job.objects.filter(
            pk=job.pk, state=job.state, attempts=job.attempts, run_after=job.run_after
        ).update(
            created_at=min(job.created_at, now),
            started_at=job.started_at and min(job.started_at, now),
            run_after=min(job.run_after, now + wait),
        )
    if ahead:
        logger.warning("The times of %d jobs were ahead of the clock.", len(ahead))


def prune() -> int:
    """Delete jobs that ended long ago; return how many."""
    return jobs_past_their_time(by=clock.now()).delete()[0]


def jobs_past_their_time(*, by: datetime) -> models.QuerySet[Job]:
    """Return the jobs to delete at ``by``."""
    done = models.Q(state=JobState.DONE, finished_at__lt=by - DONE_KEPT)
    failed = models.Q(
        state__in=[JobState.FAILED, JobState.CANCELLED], finished_at__lt=by - _FAILED_KEPT
    )
    return Job.objects.filter(done | failed)


def _end_subject(job: Job, state: JobState, code: str, cause: str) -> None:
    """Tell the subject of a job that ended without a worker."""
    kind = find_kind(job.kind)
    if kind is None:
        return
    with for_the_record():
        kind.show(job.subject, state, cause)
    if kind.on_end is None:
        return
    try:
        subject = kind.find_subject(job.subject)
    except ObjectDoesNotExist:
        return
    with for_the_record():
        kind.on_end(subject, state, code, cause)
