"""Deliveries that wait become jobs."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone

from reports.migrations._carrying import batches


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Make a job for each delivery; those of unfinished reports get one at their end."""
    jobs = apps.get_model("jobs", "Job").objects
    waiting = (
        apps.get_model("reports", "ReportDelivery")
        .objects.filter(state="waiting")
        .exclude(run__state__in=["queued", "running"])
    )
    for batch in batches(waiting):
        jobs.bulk_create(
            jobs.model(
                kind="dispatch",
                subject=delivery.pk,
                key=str(delivery.pk),
                pool="talk",
                priority=-10,  # Priority.DOCUMENT
                attempts=delivery.attempts,
                run_after=delivery.next_attempt_at,
            )
            for delivery in batch
        )


def make_rows(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Give deliveries back when they are due, and forget their jobs."""
    jobs = apps.get_model("jobs", "Job").objects.filter(kind="dispatch")
    deliveries = apps.get_model("reports", "ReportDelivery").objects
    for batch in batches(jobs.filter(state__in=["waiting", "running"])):
        for job in batch:
            due = job.lease_until or job.run_after
            deliveries.filter(pk=job.subject).update(
                attempts=job.attempts, next_attempt_at=due
            )
    jobs.delete()


class Migration(migrations.Migration):
    """Copy; the next migration drops the columns."""

    dependencies = [("reports", "0010_drop_columns_of_report_runs")]
    operations = [
        # Going back, rows get their column again before jobs fill it.
        migrations.AlterField(
            "reportdelivery",
            "next_attempt_at",
            models.DateTimeField(default=timezone.now),
        ),
        migrations.RunPython(make_jobs, make_rows, elidable=True),
    ]
