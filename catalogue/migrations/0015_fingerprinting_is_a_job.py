"""Recordings that wait for a worker, or have one, get jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from common.uid import new_uid

_AT_ONCE = 1000
_OPEN = ["waiting", "processing"]


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for a job for each open recording; one that runs keeps its lease."""
    job_model = apps.get_model("jobs", "Job")
    recordings = apps.get_model("catalogue", "Recording")._base_manager
    now = datetime.now(tz=UTC)
    last = 0
    while rows := _next(recordings.filter(status__in=_OPEN), last):
        job_model.objects.bulk_create(_job(job_model, row, now) for row in rows)
        last = rows[-1].pk
    # Without an owner, the end of a lease was the time of the next attempt.
    paused = recordings.filter(status="processing", lease_owner="")
    paused.update(status="waiting")


def _job(job_model: Any, recording: Any, now: datetime) -> Any:  # Any: historical
    is_running = recording.status == "processing" and recording.lease_owner
    return job_model(
        uid=new_uid("j"),
        kind="recording",
        subject=recording.pk,
        key=str(recording.pk),
        state="running" if is_running else "waiting",
        lease_owner=recording.lease_owner if is_running else "",
        lease_until=recording.lease_until if is_running else None,
        run_after=now if is_running else recording.lease_until or now,
        attempts=recording.attempts,
        cause=recording.status_message,
        requested_by_id=recording.added_by_id,
    )


def take_jobs_back(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Write the leases of open jobs to the recordings, and delete these jobs."""
    recordings = apps.get_model("catalogue", "Recording")._base_manager
    jobs = apps.get_model("jobs", "Job").objects.filter(
        kind="recording", state__in=["waiting", "running"]
    )
    last = 0
    while rows := _next(jobs, last):
        by_key = {row.subject: row for row in rows}
        # Some may have been retired meanwhile.
        left = list(recordings.filter(pk__in=by_key, status__in=_OPEN))
        for recording in left:
            _lease(recording, by_key[recording.pk])
        recordings.bulk_update(
            left, ["status", "lease_owner", "lease_until", "attempts"]
        )
        last = rows[-1].pk
    jobs.delete()


def _lease(recording: Any, job: Any) -> None:  # Any: as above
    is_paused = job.state == "waiting" and job.attempts
    recording.status = (
        "processing" if job.state == "running" or is_paused else "waiting"
    )
    recording.lease_owner = job.lease_owner
    recording.lease_until = job.run_after if is_paused else job.lease_until
    recording.attempts = job.attempts


def _next(rows: Any, last: int) -> list[Any]:  # Any: as above
    return list(rows.filter(pk__gt=last).order_by("pk")[:_AT_ONCE])


class Migration(migrations.Migration):
    """Copy; the columns go with the next migration."""

    dependencies = [
        ("catalogue", "0014_index_changes_are_jobs"),
        ("jobs", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_jobs, take_jobs_back, elidable=True)]
