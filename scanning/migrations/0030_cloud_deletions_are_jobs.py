"""Deletions in the cloud that wait become jobs."""

from __future__ import annotations

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from common.uid import new_uid
from scanning.migrations._batches import batches


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Make a job for each open deletion; one that runs keeps its lease."""
    jobs = apps.get_model("jobs", "Job").objects
    deletions = apps.get_model("scanning", "CloudDeletion").objects
    for batch in batches(deletions.filter(due_at__isnull=False)):
        jobs.bulk_create(
            jobs.model(
                uid=new_uid("j"),
                kind="cloud_deletion",
                subject=deletion.pk,
                key=str(deletion.pk),
                pool="talk",
                lane=f"cloud_deletion:{deletion.account_id}",
                state="running" if deletion.lease_owner else "waiting",
                run_after=deletion.due_at,
                lease_owner=deletion.lease_owner,
                lease_until=deletion.lease_until,
                attempts=deletion.attempts,
                cause=deletion.said,
            )
            for deletion in batch
        )


def take_jobs_back(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Write when open deletions are due, and who has them; delete their jobs."""
    jobs = apps.get_model("jobs", "Job").objects.filter(kind="cloud_deletion")
    deletions = apps.get_model("scanning", "CloudDeletion").objects
    for batch in batches(jobs.filter(state__in=["waiting", "running"])):
        for job in batch:
            deletions.filter(pk=job.subject).update(
                due_at=job.run_after,
                lease_owner=job.lease_owner,
                lease_until=job.lease_until,
                attempts=job.attempts,
            )
    jobs.delete()


class Migration(migrations.Migration):
    """Copy; the next migration drops the columns."""

    dependencies = [
        ("scanning", "0029_drop_columns_of_watches"),
        ("jobs", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_jobs, take_jobs_back, elidable=True)]
