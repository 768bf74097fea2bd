"""Received callbacks that wait to be applied get jobs."""

from __future__ import annotations

from datetime import UTC, datetime

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from common.uid import new_uid
from scanning.migrations._batches import batches


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for a job for each queued callback."""
    job_model = apps.get_model("jobs", "Job")
    callbacks = apps.get_model("scanning", "InboundCallback")._base_manager
    now = datetime.now(tz=UTC)
    for batch in batches(callbacks.filter(outcome="queued")):
        job_model.objects.bulk_create(
            job_model(
                uid=new_uid("j"),
                kind="callback_received",
                subject=callback.pk,
                key=str(callback.pk),
                run_after=callback.next_attempt_at or now,
                attempts=callback.attempts,
                cause=callback.message,
            )
            for callback in batch
        )


def make_rows(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Give callbacks their attempts and next attempts back, and forget the jobs."""
    callbacks = apps.get_model("scanning", "InboundCallback")._base_manager
    jobs = apps.get_model("jobs", "Job").objects.filter(kind="callback_received")
    for batch in batches(jobs.filter(state__in=["waiting", "running"], attempts__gt=0)):
        for job in batch:
            # Callbacks counted failed attempts, without the one under way.
            is_running = job.state == "running"
            callbacks.filter(pk=job.subject).update(
                attempts=job.attempts - is_running,
                next_attempt_at=None if is_running else job.run_after,
            )
    jobs.delete()


class Migration(migrations.Migration):
    """Copy; the columns go with the next migration."""

    dependencies = [("scanning", "0025_drop_columns_of_callbacks_sent")]
    operations = [migrations.RunPython(make_jobs, make_rows, elidable=True)]
