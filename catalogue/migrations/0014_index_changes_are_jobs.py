"""Open changes of the index become jobs."""

from __future__ import annotations

from datetime import UTC, datetime

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import jobs.leases
from common.uid import new_uid

_PERSON = 20


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for a job for each change that the index has not followed."""
    job_model = apps.get_model("jobs", "Job")
    now = datetime.now(tz=UTC)
    for change in apps.get_model("catalogue", "IndexChange").objects.order_by("pk"):
        uid = new_uid("j")
        job_model.objects.create(
            uid=uid,
            kind="index_change",
            subject=change.recording_id,
            key=uid,
            data={"left_bucket": change.left_bucket_id},
            priority=_PERSON,
            run_after=now,
        )


def make_changes(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Turn open jobs back into changes, for those that still can be followed."""
    change_model = apps.get_model("catalogue", "IndexChange")
    recordings = apps.get_model("catalogue", "Recording").objects
    buckets = apps.get_model("catalogue", "Bucket").objects
    jobs = apps.get_model("jobs", "Job").objects.filter(
        kind="index_change", state__in=["waiting", "running"]
    )
    for job in jobs.order_by("pk"):
        left = job.data["left_bucket"]
        if recordings.filter(pk=job.subject) and buckets.filter(pk=left):
            change_model.objects.create(
                recording_id=job.subject,
                left_bucket_id=left,
                due_at=datetime.now(tz=UTC),
            )
    jobs.delete()


class Migration(migrations.Migration):
    """Copy, then drop the table."""

    dependencies = [
        ("catalogue", "0013_rename_exclusion"),
        ("jobs", "0001_initial"),
    ]
    operations = [
        migrations.RunPython(make_jobs, make_changes, elidable=True),
        migrations.DeleteModel("IndexChange"),
    ]
