"""Scans by the embedded engine that wait or run get jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from common.uid import new_uid
from scanning.migrations._batches import batches

_PERSON = 20
_OPEN = ["queued", "running"]


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for a job for each open scan; one that runs keeps its lease."""
    job_model = apps.get_model("jobs", "Job")
    scans = apps.get_model("scanning", "Scan")._base_manager
    embedded = scans.filter(engine="embedded", status__in=_OPEN)
    now = datetime.now(tz=UTC)
    for rows in batches(embedded.select_related("scanned_file")):
        job_model.objects.bulk_create(_job(job_model, row, now) for row in rows)
    # Without an owner, the end of a lease was the time of the next attempt.
    embedded.filter(status="running", lease_owner="").update(status="queued")
    scans.filter(status="running", stage="awaiting_callback").update(
        status="awaiting_callback"
    )


def _job(job_model: Any, scan: Any, now: datetime) -> Any:  # Any: historical models
    is_running = scan.status == "running" and scan.lease_owner
    return job_model(
        uid=new_uid("j"),
        kind="scan",
        subject=scan.pk,
        key=str(scan.pk),
        priority=_PERSON if scan.waited_for else 0,
        lane=f"scan:{scan.scanned_file.container_id}",
        turn=scan.turn,
        state="running" if is_running else "waiting",
        lease_owner=scan.lease_owner if is_running else "",
        lease_until=scan.lease_until if is_running else None,
        run_after=now if is_running else scan.lease_until or now,
        attempts=scan.attempts,
        cancel_requested=bool(is_running and scan.cancel_requested),
        progress=scan.progress if is_running else 0,
        stage=scan.stage if is_running and scan.stage != "queued" else "",
        cause=scan.message,
        requested_by_id=scan.requested_by_id,
    )


def take_jobs_back(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Write the leases of open jobs to the scans, and delete these jobs."""
    scans = apps.get_model("scanning", "Scan")._base_manager
    jobs = apps.get_model("jobs", "Job").objects.filter(
        kind="scan", state__in=["waiting", "running"]
    )
    for rows in batches(jobs):
        for job in rows:
            is_paused = job.state == "waiting" and job.attempts
            scans.filter(pk=job.subject).update(
                status="running" if job.state == "running" or is_paused else "queued",
                stage="paused" if is_paused else job.stage or "queued",
                lease_owner=job.lease_owner,
                lease_until=job.run_after if is_paused else job.lease_until,
                attempts=job.attempts,
                waited_for=job.priority >= _PERSON,
                turn=job.turn,
            )
    jobs.delete()
    scans.filter(status="awaiting_callback").update(
        status="running", stage="awaiting_callback"
    )
    scans.exclude(status__in=_OPEN).update(stage="done")


class Migration(migrations.Migration):
    """Copy; the columns go with the next migration."""

    dependencies = [
        ("scanning", "0034_scans_await_callbacks"),
        ("jobs", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_jobs, take_jobs_back, elidable=True)]
