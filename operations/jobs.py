"""Long work of every kind, in one list: what waits, what runs, what failed and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalogue.models import CatalogueImport, Recording
from dedup.models import CatalogueCheck
from reports.models import EvidencePack, ReportRun
from reports.models.foreign import ResultImport
from scanning.models import RetroSearch, Scan

# What failed longer ago has been dealt with, or never will be.
_REMEMBERED = timedelta(days=14)


class JobState(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of long work."""

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
    """The row itself: its page is where it is cancelled or asked for again."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where the jobs of one kind lie, and how their columns are named."""

    name: str
    label: str | Promise
    rows: Callable[[], QuerySet[Any]]
    states: dict[str, JobState]
    title: Callable[[Any], str]
    status: str = "status"
    cause: str = "message"
    since: str = "created_at"


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

_KINDS = (
    _Kind(
        "scan",
        _("Scan"),
        lambda: Scan.objects.select_related("scanned_file"),
        _USUAL,
        lambda scan: str(scan.scanned_file.name),
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
        lambda: CatalogueCheck.objects.select_related("bucket"),
        _states(waiting=("waiting",), running=("running",), failed=("failed",)),
        lambda check: str(check.bucket or _("All buckets")),
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
    ),
    _Kind(
        "result_import",
        _("Import of results"),
        lambda: ResultImport.objects.select_related("container"),
        _IMPORT,
        str,
    ),
)
KIND_LABELS = {kind.name: kind.label for kind in _KINDS}


def jobs(*, state: JobState, kind: str = "", limit: int = 200) -> list[Job]:
    """Return jobs of a state, those that have been there longest first; failures newest first."""
    failed = state is JobState.FAILED
    found = [
        job
        for one in _KINDS
        if not kind or one.name == kind
        for job in islice(_of_kind(one, state), limit)
    ]
    return sorted(found, key=lambda job: job.since, reverse=failed)[:limit]


def job_counts() -> dict[JobState, int]:
    """Return how many jobs there are of each state."""
    return {
        state: sum(_in_state(kind, state).count() for kind in _KINDS)
        for state in JobState
    }


def _in_state(kind: _Kind, state: JobState) -> QuerySet[Any]:
    values = [value for value, means in kind.states.items() if means is state]
    rows = kind.rows().filter(**{f"{kind.status}__in": values})
    if state is JobState.FAILED:
        since = datetime.now(tz=UTC) - _REMEMBERED
        rows = rows.filter(**{f"{kind.since}__gte": since})
    return rows


def _of_kind(kind: _Kind, state: JobState) -> Iterator[Job]:
    order = "-pk" if state is JobState.FAILED else "pk"
    for row in _in_state(kind, state).order_by(order).iterator(chunk_size=100):
        yield Job(
            kind=kind.name,
            label=kind.label,
            title=kind.title(row),
            state=state,
            since=getattr(row, kind.since),
            progress=getattr(row, "progress", None),
            attempts=row.attempts,
            worker=row.lease_owner,
            cause=str(getattr(row, kind.cause)),
            subject=row,
        )
