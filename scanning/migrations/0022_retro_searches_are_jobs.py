"""Searches that wait or run get jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from common.uid import new_uid

_AT_ONCE = 1000
_EVERYTHING = -30
_OPEN = ["queued", "running"]


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for a job for each open search; one that runs keeps its lease."""
    job_model = apps.get_model("jobs", "Job")
    searches = apps.get_model("scanning", "RetroSearch")._base_manager
    now = datetime.now(tz=UTC)
    last = 0
    while rows := _next(searches.filter(status__in=_OPEN), last):
        job_model.objects.bulk_create(_job(job_model, row, now) for row in rows)
        last = rows[-1].pk
    # Without an owner, the end of a lease was the time of the next attempt.
    paused = searches.filter(status="running", lease_owner="")
    paused.update(status="queued")


def _job(job_model: Any, search: Any, now: datetime) -> Any:  # Any: historical
    is_running = search.status == "running" and search.lease_owner
    return job_model(
        uid=new_uid("j"),
        kind="retro_search",
        subject=search.pk,
        key=str(search.pk),
        priority=_EVERYTHING,
        state="running" if is_running else "waiting",
        lease_owner=search.lease_owner if is_running else "",
        lease_until=search.lease_until if is_running else None,
        run_after=now if is_running else search.lease_until or now,
        attempts=search.attempts,
        cancel_requested=bool(is_running and search.cancel_requested),
        cause=search.message,
        requested_by_id=search.requested_by_id,
    )


def take_jobs_back(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Write the leases of open jobs to the searches, and delete these jobs."""
    searches = apps.get_model("scanning", "RetroSearch")._base_manager
    jobs = apps.get_model("jobs", "Job").objects.filter(
        kind="retro_search", state__in=["waiting", "running"]
    )
    last = 0
    while rows := _next(jobs, last):
        for job in rows:
            is_paused = job.state == "waiting" and job.attempts
            searches.filter(pk=job.subject).update(
                status="running" if job.state == "running" or is_paused else "queued",
                lease_owner=job.lease_owner,
                lease_until=job.run_after if is_paused else job.lease_until,
                attempts=job.attempts,
                cancel_requested=job.cancel_requested,
            )
        last = rows[-1].pk
    jobs.delete()


def _next(rows: Any, last: int) -> list[Any]:  # Any: as above
    return list(rows.filter(pk__gt=last).order_by("pk")[:_AT_ONCE])


class Migration(migrations.Migration):
    """Copy; the columns go with the next migration."""

    dependencies = [("scanning", "0021_plain_words"), ("jobs", "0001_initial")]
    operations = [migrations.RunPython(make_jobs, take_jobs_back, elidable=True)]
