"""Jobs as people see them: by state, kind and container, within access limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from base.accounts.reach import sees_everything
from base.common.stored import read_stored
from base.jobs import installation, resources, selectors
from base.jobs.choices import JobState, Pool
from base.jobs.kinds import Kind, Subject, all_kinds, find_kind
from base.jobs.models import Job

LISTED_STATES = (JobState.RUNNING, JobState.WAITING, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job with its kind and the row that it works on."""

    row: Job
    kind: Kind
    subject: Subject

    @property
    def title(self) -> str:
        """Return the job's subject."""
        if self.subject is None:
            return str(self.kind.label)
        return self.kind.title(self.subject)

    @property
    def page(self) -> str:
        """Return the address of the subject's page; empty if there is none."""
        return "" if self.subject is None else self.kind.page(self.subject)

    @property
    def since(self) -> datetime:
        """Return when the job began, failed, or was asked for."""
        at = {JobState.RUNNING: self.row.started_at, JobState.FAILED: self.row.finished_at}
        return at.get(JobState(self.row.state)) or self.row.created_at

    @property
    def why(self) -> str:
        """Return why the job waits or failed, in words."""
        cause = read_stored(self.row.cause)
        if resources.OUTSIDE in self.kind.needs and installation.is_paused():
            return _("Nothing is sent or fetched until this is the real installation.")
        if self.row.blocked_by not in ("", resources.DISK, self.row.duty):
            blocked = _("Waiting for an answer from: %(resource)s.")
            return f"{blocked % {'resource': self.row.blocked_by}} {cause}"
        return cause


def list_jobs(
    *, state: JobState, kind: str = "", container: int | None = None, limit: int = 200
) -> list[ListedJob]:
    """Return jobs in a state: the next ones, the oldest running, the last failures."""
    jobs = _visible_jobs(state=state, kind=kind, container=container)
    if state == JobState.WAITING:
        # The index of waiting jobs begins with the pool.
        waiting = [
            job
            for pool in Pool
            for job in jobs.filter(pool=pool).order_by("-priority", "turn", "pk")[:limit]
        ]
        waiting.sort(key=lambda job: (-job.priority, job.turn, job.pk))
        return _with_subjects(waiting[:limit])
    order = ["-finished_at", "-pk"] if state == JobState.FAILED else ["pk"]
    return _with_subjects(jobs.order_by(*order)[:limit])


def find_job(uid: str, states: Iterable[JobState]) -> ListedJob | None:
    """Return a job in one of these states, if the viewer may see it."""
    # The uid comes from a form, so it can be any text; PostgreSQL refuses NUL.
    if not uid.isprintable():
        return None
    for state in states:
        if jobs := _with_subjects(_visible_jobs(state=state).filter(uid=uid[:32])):
            return jobs[0]
    return None


def count_jobs() -> dict[JobState, int]:
    """Return the number of jobs in each of the listed states."""
    return {state: _visible_jobs(state=state).count() for state in LISTED_STATES}


def failed_by_kind() -> dict[str, int]:
    """Return the number of failed jobs of each kind."""
    rows = _visible_jobs(state=JobState.FAILED).order_by().values_list("kind")
    counts = dict(rows.annotate(count=Count("pk")))
    return {kind.name: counts.get(kind.name, 0) for kind in all_kinds()}


def _visible_jobs(
    *, state: JobState, kind: str = "", container: int | None = None
) -> QuerySet[Job]:
    """Return the jobs in a state that the viewer may see."""
    kinds = [job_kind for job_kind in all_kinds() if kind in ("", job_kind.name)]
    if state != JobState.FAILED:
        # Regular work waits nearly all the time; only its failures need a person.
        kinds = [job_kind for job_kind in kinds if job_kind.every is None]
    if container is not None or not sees_everything():
        kinds = [job_kind for job_kind in kinds if job_kind.model is not None]
    condition = Q(state=state, kind__in=[job_kind.name for job_kind in kinds])
    for job_kind in kinds:
        rows = _rows(job_kind, state, container)
        if rows is not None:
            condition &= ~Q(kind=job_kind.name) | Q(subject__in=rows.values("pk"))
    jobs = Job.objects.filter(condition)
    if state == JobState.FAILED:
        later = Job.objects.filter(
            kind=OuterRef("kind"), key=OuterRef("key"), pk__gt=OuterRef("pk")
        )
        # Regular work has its next job planned while its failure is shown.
        regular = [job_kind.name for job_kind in kinds if job_kind.every is not None]
        jobs = jobs.exclude(Exists(later) & ~Q(kind__in=regular))
    return jobs


def _rows(
    kind: Kind, state: JobState, container: int | None
) -> QuerySet[Any] | None:  # Any: rows of the kind's model
    """Return the rows whose jobs are shown; None for all."""
    rows = kind.visible()
    settles = kind.unresolved is not None and state == JobState.FAILED
    if rows is None:
        if kind.model is None:
            return None
        if sees_everything() and not settles and container is None:
            return None
        rows = kind.model._default_manager.all()
    # Begin with the jobs, because most rows have none.
    mine = Job.objects.filter(kind=kind.name, state=state)
    rows = rows.filter(pk__in=mine.values("subject"))
    if settles and kind.unresolved is not None:
        rows = kind.unresolved(rows)
    if container is not None:
        path = getattr(getattr(kind.model, "reach", None), "containers", "")
        rows = rows.filter(**{path: container}) if path else rows.none()
    return rows


def _with_subjects(jobs: Iterable[Job]) -> list[ListedJob]:
    """Return jobs with their rows; those whose row was deleted are left out."""
    rows = list(jobs)
    subjects = selectors.subjects_of(rows)
    return [
        ListedJob(job, kind, subjects.get((job.kind, job.subject)))
        for job in rows
        if (kind := find_kind(job.kind)) is not None
        and (kind.model is None or (job.kind, job.subject) in subjects)
    ]
