"""Enabled watches get the jobs of their next checks."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

from common.uid import new_uid
from scanning.migrations._batches import batches


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for the next check of each watch; one under way keeps its lease."""
    job_model = apps.get_model("jobs", "Job")
    watches = apps.get_model("scanning", "Watch")._base_manager
    for batch in batches(watches.filter(enabled=True)):
        job_model.objects.bulk_create(
            job_model(
                uid=new_uid("j"),
                kind="watch_check",
                subject=watch.pk,
                key=str(watch.pk),
                pool="talk",
                state="running" if watch.lease_owner else "waiting",
                lease_owner=watch.lease_owner,
                lease_until=watch.lease_until,
                run_after=watch.next_check_at,
                attempts=1 if watch.lease_owner else 0,
            )
            for watch in batch
        )


def make_rows(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Give watches their leases and next checks back, and forget the jobs."""
    watches = apps.get_model("scanning", "Watch")._base_manager
    jobs = apps.get_model("jobs", "Job").objects.filter(kind="watch_check")
    for batch in batches(jobs.filter(state__in=["waiting", "running"])):
        for job in batch:
            watches.filter(pk=job.subject).update(
                lease_owner=job.lease_owner,
                lease_until=job.lease_until,
                next_check_at=job.run_after,
            )
    jobs.delete()


class Migration(migrations.Migration):
    """Copy; the columns go with the next migration."""

    dependencies = [("scanning", "0027_drop_columns_of_callbacks_received")]
    operations = [
        # Going back, rows get their column again before jobs fill it.
        migrations.AlterField(
            "watch", "next_check_at", models.DateTimeField(default=timezone.now)
        ),
        migrations.RunPython(make_jobs, make_rows, elidable=True),
    ]
