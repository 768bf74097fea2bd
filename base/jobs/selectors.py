"""Reading jobs: due, waiting and failed ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Count, Max, Min, OuterRef, QuerySet, Subquery

from base.jobs import clock, installation, resources
from base.jobs.choices import OPEN_STATES, JobState, Pool, Priority
from base.jobs.kinds import Kind, Subject, all_kinds, find_kind, regular_work
from base.jobs.models import Job

_LONG_WAIT = timedelta(minutes=5)


def due(
    pool: Pool, *, for_people: bool = False, duties: Collection[str] | None = None
) -> QuerySet[Job]:
    """Return the jobs that a worker of this machine may begin now, the next one first.

    ``for_people`` leaves only those that somebody waits for. ``duties`` are those of
    this machine; without them it looks at its disk.
    """
    jobs = _whose_time_has_come(pool, duties)
    if for_people:
        jobs = jobs.filter(priority__gte=Priority.PERSON)
    kinds = [kind for kind in all_kinds() if kind.pool == pool]
    resting = _resting_kinds()
    # Kinds that have reached their limit, and lanes that are full.
    closed: list[str] = []
    full: list[str] = []
    for kind in kinds:
        most = settings.ACRPORTAL_JOBS_AT_ONCE.get(kind.name)
        if (
            kind.name in resting
            or resources.are_blocked(kind.needs)
            or (most is not None and running(kind.name).count() >= most)
        ):
            closed.append(kind.name)
        if limit := kind.lane_limit():
            lanes = running(kind.name).order_by().values("lane")
            lanes = lanes.annotate(jobs=Count("pk")).filter(jobs__gte=limit)
            full += lanes.values_list("lane", flat=True)
    if closed:
        jobs = jobs.exclude(kind__in=closed)
    if full:
        jobs = jobs.exclude(lane__in=full)
    return jobs.order_by("-priority", "turn", "pk")


def _resting_kinds() -> list[str]:
    """Return the kinds that begin no job until an operator calls this the real one."""
    if not installation.is_paused():
        return []
    return [kind.name for kind in all_kinds() if resources.OUTSIDE in kind.needs]


def may_be_due(pool: Pool) -> bool:
    """Return whether the time of a waiting job has come, though its lane may be full.

    This is one quick query, so idle workers can ask it often.
    """
    return _whose_time_has_come(pool).exists()


def next_time(pools: Collection[Pool]) -> datetime | None:
    """Return the earliest time of the waiting jobs of some pools; None without any."""
    times = [
        _waiting_here(pool).order_by("run_after").values_list("run_after", flat=True).first()
        for pool in pools
    ]
    return min((moment for moment in times if moment is not None), default=None)


def _whose_time_has_come(pool: Pool, duties: Collection[str] | None = None) -> QuerySet[Job]:
    return _waiting_here(pool, duties).filter(run_after__lte=clock.now())


def _waiting_here(pool: Pool, duties: Collection[str] | None = None) -> QuerySet[Job]:
    """Return the waiting jobs of a pool whose duties this machine does."""
    here = resources.duties_here() if duties is None else duties
    return Job.objects.filter(pool=pool, state=JobState.WAITING, duty__in=["", *here])


def running(kind: str) -> QuerySet[Job]:
    """Return the jobs of a kind that workers have."""
    return Job.objects.filter(kind=kind, state=JobState.RUNNING)


def jobs_of(
    kind: Kind, subjects: Iterable[models.Model], states: Iterable[JobState]
) -> dict[int, Job]:
    """Return the newest job of each row, by the row's primary key.

    ``states`` are those of open jobs, or that of failed ones.
    """
    rows = list(subjects)
    jobs = Job.objects.filter(
        kind=kind.name, subject__in=[row.pk for row in rows], state__in=states
    )
    return {job.subject or 0: job for job in jobs.order_by("pk")}


def progress_of(kind: str, subject: int) -> int:
    """Return how far the running job of a row is, in percent; 0 if none runs."""
    progress = running(kind).filter(subject=subject).values_list("progress", flat=True)
    return progress.first() or 0


def next_attempt(kind: Kind, subject: str = "pk") -> Subquery:
    """Return when the waiting job of a row begins, as a column for a query.

    ``subject`` is the query's column with the primary key of the kind's row.
    """
    waiting = Job.objects.filter(kind=kind.name, subject=OuterRef(subject), state=JobState.WAITING)
    return Subquery(waiting.values("run_after")[:1])


def next_turn(job: Job) -> int:
    """Return the turn of a job that begins to wait.

    The jobs of a person in a lane follow each other, those of different kinds too where
    kinds have no lanes. Who has no waiting jobs there joins at the present turn: so the
    many of one person, or of one lane, cannot starve the few of others.
    """
    waiting = Job.objects.filter(pool=job.pool, priority=job.priority, state=JobState.WAITING)
    if job.requested_by_id is not None or job.lane:
        mine = waiting.filter(requested_by=job.requested_by_id, lane=job.lane)
        last = mine.aggregate(last=Max("turn"))["last"]
        if last is not None:
            return int(last) + 1
    return int(waiting.aggregate(now=Min("turn"))["now"] or 0)


def counts() -> dict[tuple[str, str], int]:
    """Return how many jobs of each kind wait, run, or failed, by kind and state."""
    counted = Job.objects.filter(state__in=[*OPEN_STATES, JobState.FAILED])
    rows = counted.order_by().values_list("kind", "state").annotate(jobs=Count("pk"))
    return {(kind, state): count for kind, state, count in rows}


def standstill() -> timedelta | None:
    """Return how long due jobs have waited while none runs.

    None if that is not long: a worker that is busy would run some at least. Regular
    work, which waits for its time, is left aside, and so is what a copy must not do.
    """
    if Job.objects.filter(state=JobState.RUNNING).exists():
        return None
    now = clock.now()
    waiting = Job.objects.filter(state=JobState.WAITING, run_after__lt=now - _LONG_WAIT)
    beside = [*regular_work(), *_resting_kinds()]
    oldest = waiting.exclude(kind__in=beside).order_by("run_after").first()
    return now - oldest.run_after if oldest is not None else None


def ahead_of(at: datetime) -> list[Job]:
    """Return the jobs that were asked for or begun after ``at``, and wait or run."""
    after = models.Q(created_at__gt=at) | models.Q(started_at__gt=at)
    # Two queries, because each has its own index. Due jobs have no wait to shorten.
    waiting = Job.objects.filter(after, state=JobState.WAITING, run_after__gt=at)
    return [*waiting, *Job.objects.filter(after, state=JobState.RUNNING)]


def lost_leases() -> QuerySet[Job]:
    """Return the jobs whose worker has died or hangs."""
    now = clock.now()
    return Job.objects.filter(state=JobState.RUNNING, lease_until__lt=now)


def subjects_of(jobs: Iterable[Job]) -> dict[tuple[str, int | None], Subject]:
    """Return the rows of jobs by kind and key; those that were deleted are missing."""
    keys: defaultdict[str, list[int | None]] = defaultdict(list)
    for job in jobs:
        keys[job.kind].append(job.subject)
    subjects: dict[tuple[str, int | None], Subject] = {}
    for name, pks in keys.items():
        kind = find_kind(name)
        if kind is not None and kind.model is not None:
            rows = kind.model._base_manager.select_related(*kind.related)
            subjects |= {(name, row.pk): row for row in rows.filter(pk__in=pks)}
    return subjects
