"""Callbacks that wait to be sent get jobs."""

from __future__ import annotations

from datetime import UTC, datetime

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from common.uid import new_uid
from scanning.migrations._batches import batches


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for a job for each callback; one that is being sent keeps its lease."""
    job_model = apps.get_model("jobs", "Job")
    callbacks = apps.get_model("scanning", "OutboundCallback")._base_manager
    now = datetime.now(tz=UTC)
    for batch in batches(callbacks.filter(status="waiting")):
        job_model.objects.bulk_create(
            job_model(
                uid=new_uid("j"),
                kind="callback_sent",
                subject=callback.pk,
                key=str(callback.pk),
                pool="talk",
                lane=f"callback_sent:{callback.container_id}",
                state="running" if callback.lease_owner else "waiting",
                lease_owner=callback.lease_owner,
                lease_until=callback.lease_until,
                run_after=callback.next_attempt_at or now,
                attempts=callback.attempts,
            )
            for callback in batch
        )


def make_rows(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Give callbacks their leases, attempts and next attempts back; forget the jobs."""
    callbacks = apps.get_model("scanning", "OutboundCallback")._base_manager
    jobs = apps.get_model("jobs", "Job").objects.filter(kind="callback_sent")
    for batch in batches(jobs.filter(state__in=["waiting", "running"])):
        for job in batch:
            callbacks.filter(pk=job.subject).update(
                lease_owner=job.lease_owner,
                lease_until=job.lease_until,
                next_attempt_at=job.lease_until or job.run_after,
                attempts=job.attempts,
            )
    jobs.delete()


class Migration(migrations.Migration):
    """Copy; the columns go with the next migration."""

    dependencies = [
        ("scanning", "0023_retro_searches_without_leases"),
        ("jobs", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_jobs, make_rows, elidable=True)]
