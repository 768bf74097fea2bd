"""The list of jobs of all kinds: waiting, running and failed ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.reach import person_at_work
from catalogue.models import Recording
from dedup.models import CatalogueCheck
from imports.models import CatalogueImport, ResultImport
from jobs.choices import OPEN_STATES
from jobs.choices import JobState as WorkState
from jobs.kinds import find_kind
from jobs.models import Job as Work
from jobs.selectors import jobs_of
from reports import scheduling
from reports.models import EvidencePack, ReportDelivery, ReportRun
from scanning.models import (
    DeliveryAttempt,
    InboundCallback,
    OutboundCallback,
    RetroSearch,
    Scan,
)

# Older failures are dealt with, or never will be.
_REMEMBERED = timedelta(days=14)


class JobState(StrEnum):
    """The state of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of background work."""

    kind: str
    label: str | Promise
    title: str
    state: JobState
    since: datetime
    progress: int | None
    attempts: int
    worker: str
    cause: str
    subject: Any
    "The row of the job; its page can cancel the job."

    @property
    def key(self) -> str:
        """Return the job's unique key, ``kind:uid``."""
        return f"{self.kind}:{getattr(self.subject, 'uid', self.subject.pk)}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """The table of one kind of job, and the names of its columns."""

    name: str
    label: str | Promise
    rows: Callable[[], QuerySet[Any]]
    states: dict[str, JobState]
    title: Callable[[Any], str]
    status: str = "status"
    cause: str = "message"
    since: str = "created_at"
    failed: Callable[[QuerySet[Any]], QuerySet[Any]] = lambda rows: rows
    "Leaves out failures that later work replaced."
    works: tuple[str, ...] = ()
    "The kinds of jobs that work on a row, if not one of the same name."


def _states(
    *, waiting: tuple[str, ...], running: tuple[str, ...], failed: tuple[str, ...]
) -> dict[str, JobState]:
    return (
        dict.fromkeys(waiting, JobState.WAITING)
        | dict.fromkeys(running, JobState.RUNNING)
        | dict.fromkeys(failed, JobState.FAILED)
    )


_USUAL = _states(waiting=("queued",), running=("running",), failed=("failed",))
_IMPORT = _states(waiting=(), running=("checking", "importing"), failed=("refused",))


def _not_scanned_since(scans: QuerySet[Any]) -> QuerySet[Any]:
    # A later scan of the file, successful or not, replaces the failure.
    later = (
        Scan.objects.full()
        .filter(scanned_file=OuterRef("scanned_file"), engine=OuterRef("engine"))
        .filter(pk__gt=OuterRef("pk"))
    )
    present = scans.filter(scanned_file__deleted_at__isnull=True)
    return present.exclude(Exists(later))


def _callbacks_sent() -> QuerySet[OutboundCallback]:
    tries = DeliveryAttempt.objects.filter(callback=OuterRef("pk")).order_by("-pk")
    return OutboundCallback.objects.select_related("scanned_file").annotate(
        cause=Coalesce(Subquery(tries.values("answer")[:1]), Value("")),
    )


def _dispatches() -> QuerySet[ReportDelivery]:
    """Return the deliveries of the viewer's own schedules; all without a viewer."""
    rows = ReportDelivery.objects.select_related("schedule__template", "run")
    person = person_at_work()
    if person is None:
        return rows
    return rows.filter(schedule__in=scheduling.schedules_for(user=person))


_KINDS = (
    _Kind(
        "scan",
        _("Scan"),
        lambda: Scan.objects.select_related("scanned_file"),
        _USUAL,
        lambda scan: str(scan.scanned_file.name),
        failed=_not_scanned_since,
    ),
    _Kind(
        "recording",
        _("Fingerprint"),
        lambda: Recording.objects.all(),
        _states(waiting=("waiting",), running=("processing",), failed=("error",)),
        str,
        cause="status_message",
    ),
    _Kind(
        "retro_search",
        _("Search in earlier files"),
        lambda: RetroSearch.objects.all(),
        _states(
            waiting=("collecting", "queued"), running=("running",), failed=("failed",)
        ),
        lambda search: str(search.uid),
    ),
    _Kind(
        "catalogue_check",
        _("Search for duplicates"),
        lambda: CatalogueCheck.objects.all(),
        _states(waiting=("waiting",), running=("running",), failed=("failed",)),
        lambda check: str(_("All buckets")),
    ),
    _Kind(
        "report",
        _("Report"),
        lambda: ReportRun.objects.all(),
        _USUAL,
        lambda run: str(run.name),
        status="state",
    ),
    _Kind(
        "evidence",
        _("Evidence pack"),
        lambda: EvidencePack.objects.select_related(
            "match__recording", "match__scanned_file"
        ),
        _states(waiting=("queued",), running=("building",), failed=("failed",)),
        lambda pack: str(pack.match),
    ),
    _Kind(
        "catalogue_import",
        _("Import of recordings"),
        lambda: CatalogueImport.objects.select_related("bucket"),
        _IMPORT,
        str,
        works=("catalogue_import_check", "catalogue_import"),
    ),
    _Kind(
        "result_import",
        _("Import of results"),
        lambda: ResultImport.objects.select_related("container"),
        _IMPORT,
        str,
        works=("result_import_check", "result_import"),
    ),
    _Kind(
        "callback_sent",
        _("Callback sent"),
        _callbacks_sent,
        _states(waiting=("waiting",), running=(), failed=("failed",)),
        lambda callback: str(callback.scanned_file.name),
        cause="cause",
    ),
    _Kind(
        "callback_received",
        _("Callback received"),
        lambda: InboundCallback.objects.select_related("scanned_file"),
        _states(waiting=("queued",), running=(), failed=("failed", "refused")),
        lambda callback: str(callback.scanned_file or callback.file_id),
        status="outcome",
        since="received_at",
    ),
    _Kind(
        "dispatch",
        _("Delivery of a scheduled report"),
        _dispatches,
        _states(waiting=("waiting",), running=(), failed=("failed",)),
        lambda dispatch: str(dispatch.schedule),
        status="state",
    ),
)
KIND_LABELS = {kind.name: kind.label for kind in _KINDS}


def jobs(*, state: JobState, kind: str = "", limit: int = 200) -> list[Job]:
    """Return jobs in a state, the longest there first; failures newest first."""
    failed = state is JobState.FAILED
    found = [
        job
        for job_kind in _KINDS
        if not kind or job_kind.name == kind
        for job in _of_kind(job_kind, state, limit)
    ]
    return sorted(found, key=lambda job: job.since, reverse=failed)[:limit]


def find_job(key: str, state: JobState) -> Job | None:
    """Return a job in a state by its key, if the viewer may see it."""
    name, _colon, of_row = key.partition(":")
    kind = next((entry for entry in _KINDS if entry.name == name), None)
    if kind is None:
        return None
    rows = _in_state(kind, state)
    has_uid = any(field.name == "uid" for field in rows.model._meta.fields)
    # The key comes from a form, so it can be any text.
    if not has_uid and not of_row.isdecimal():
        return None
    row = rows.filter(**{"uid" if has_uid else "pk": of_row[:32]}).first()
    return _jobs(kind, [row], state)[0] if row is not None else None


def job_counts() -> dict[JobState, int]:
    """Return the number of jobs in each state."""
    return {
        state: sum(_in_state(kind, state).count() for kind in _KINDS)
        for state in JobState
    }


def given_up_by_kind() -> dict[str, int]:
    """Return the number of failed jobs of each kind."""
    return {kind.name: _in_state(kind, JobState.FAILED).count() for kind in _KINDS}


def _in_state(kind: _Kind, state: JobState) -> QuerySet[Any]:
    values = [value for value, means in kind.states.items() if means is state]
    rows = kind.rows().filter(**{f"{kind.status}__in": values})
    if state is JobState.FAILED:
        since = datetime.now(tz=UTC) - _REMEMBERED
        rows = kind.failed(rows.filter(**{f"{kind.since}__gte": since}))
    return rows


def _of_kind(kind: _Kind, state: JobState, limit: int) -> list[Job]:
    order = "-pk" if state is JobState.FAILED else "pk"
    rows = list(_in_state(kind, state).order_by(order)[:limit])
    return _jobs(kind, rows, state)


def _jobs(kind: _Kind, rows: list[Any], state: JobState) -> list[Job]:
    """Describe rows of a kind. Any: of the kind's model."""
    states = (WorkState.FAILED,) if state is JobState.FAILED else OPEN_STATES
    work: dict[int, Work] = {}
    for name in kind.works or (kind.name,):
        if moved := find_kind(name):
            work |= jobs_of(moved, rows, states)
    return [_job(kind, row, state, work.get(row.pk)) for row in rows]


def _job(kind: _Kind, row: Any, state: JobState, work: Work | None) -> Job:
    """Describe a row; ``work`` is its job, if its kind has moved to ``jobs``.

    Any: a row of the kind.
    """
    source = work or row
    return Job(
        kind=kind.name,
        label=kind.label,
        title=kind.title(row),
        state=state,
        since=getattr(row, kind.since),
        # Imports do not know how far they are.
        progress=None if kind.works else getattr(source, "progress", None),
        attempts=getattr(source, "attempts", 0),
        worker=getattr(source, "lease_owner", ""),
        cause=str(getattr(row, kind.cause)) or (work.cause if work else ""),
        subject=row,
    )
