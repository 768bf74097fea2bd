"""The check that waits or runs gets a job."""

from __future__ import annotations

from datetime import UTC, datetime

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from common.uid import new_uid

_EVERYTHING = -30


def make_job(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for a job for the open check; one that runs keeps its lease."""
    checks = apps.get_model("dedup", "CatalogueCheck")._base_manager
    now = datetime.now(tz=UTC)
    waiting_or_running = checks.filter(status__in=["waiting", "running"])
    # "running" comes before "waiting".
    check = waiting_or_running.order_by("status", "pk").first()
    if check is None:
        return
    # Only one could run; the others would repeat it.
    waiting_or_running.exclude(pk=check.pk).update(status="cancelled", finished_at=now)
    is_running = check.status == "running" and check.lease_until is not None
    apps.get_model("jobs", "Job").objects.create(
        uid=new_uid("j"),
        kind="catalogue_check",
        subject=check.pk,
        key="all",
        priority=_EVERYTHING,
        state="running" if is_running else "waiting",
        lease_owner=check.lease_owner if is_running else "",
        lease_until=check.lease_until if is_running else None,
        attempts=check.attempts,
        cancel_requested=check.cancel_requested,
        run_after=now,
        requested_by_id=check.requested_by_id,
    )
    if not is_running:
        checks.filter(pk=check.pk).update(status="waiting")


def take_job_back(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Write the lease of the open job to its check, and delete the job."""
    checks = apps.get_model("dedup", "CatalogueCheck")._base_manager
    jobs = apps.get_model("jobs", "Job").objects.filter(
        kind="catalogue_check", state__in=["waiting", "running"]
    )
    for job in jobs:
        checks.filter(pk=job.subject).update(
            status=job.state,
            lease_owner=job.lease_owner,
            lease_until=job.lease_until,
            attempts=job.attempts,
            cancel_requested=job.cancel_requested,
        )
    jobs.delete()


class Migration(migrations.Migration):
    """Copy; the columns go with the next migration."""

    dependencies = [
        ("dedup", "0003_check_of_every_bucket"),
        ("jobs", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_job, take_job_back, elidable=True)]
