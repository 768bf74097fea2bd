"""Turns unfinished rows with a lease into jobs, and back, for the migrations here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import QuerySet

_BATCH = 500

# Any in this module: rows of historical models.
Row = Any


def batches(rows: QuerySet[Row]) -> Iterator[list[Row]]:
    """Yield rows in lists of limited length."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), _BATCH):
        yield list(rows.filter(pk__in=keys[start : start + _BATCH]).order_by("pk"))


def _own_key(row: Row) -> str:
    return str(row.pk)


@dataclass(frozen=True)
class Carried:
    """A model whose unfinished rows become jobs, and the columns that move."""

    model: str
    kind: str
    status: str
    waiting: str
    running: str
    user: str
    moved: tuple[str, ...]
    """Columns that jobs have too, next to those of the lease."""
    key: Callable[[Row], str] = _own_key

    def to_jobs(self, apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
        """Make a job for each unfinished row; leases stay with their workers."""
        jobs = apps.get_model("jobs", "Job").objects
        model = apps.get_model("reports", self.model)
        now = datetime.now(tz=UTC)
        unfinished = model.objects.filter(
            **{f"{self.status}__in": [self.waiting, self.running]}
        )
        for batch in batches(unfinished):
            jobs.bulk_create([self._job(jobs.model, row, now) for row in batch])
            # A row without an owner waited for its next attempt.
            model.objects.filter(
                pk__in=[row.pk for row in batch], lease_owner=""
            ).update(**{self.status: self.waiting})

    def _job(self, job_model: type[Row], row: Row, now: datetime) -> Row:
        job = job_model(
            kind=self.kind,
            subject=row.pk,
            key=self.key(row),
            priority=-10,  # Priority.DOCUMENT
            attempts=row.attempts,
            requested_by_id=getattr(row, self.user),
            run_after=now,
            **{name: getattr(row, name) for name in self.moved},
        )
        if row.lease_owner:
            job.state, job.started_at = "running", now
            job.lease_owner = row.lease_owner
            job.lease_until = row.lease_until or now
        elif row.lease_until:
            job.run_after = row.lease_until
        return job

    def to_rows(self, apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
        """Give the rows back what their open jobs say, and forget all their jobs."""
        jobs = apps.get_model("jobs", "Job").objects.filter(kind=self.kind)
        model = apps.get_model("reports", self.model)
        names = ("lease_owner", "lease_until", "attempts", *self.moved)
        for batch in batches(jobs.filter(state__in=["waiting", "running"])):
            rows = model.objects.in_bulk([job.subject for job in batch])
            for job in batch:
                for name in names if job.subject in rows else ():
                    setattr(rows[job.subject], name, getattr(job, name))
            model.objects.bulk_update(rows.values(), names)
        jobs.delete()
