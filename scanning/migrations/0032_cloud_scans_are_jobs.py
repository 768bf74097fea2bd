"""Cloud scans that are open become jobs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.functions import Greatest

from common.uid import new_uid
from scanning.migrations._batches import batches


# Any in this module: historical models.
Row = Any


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Make a job for each open scan; one that runs keeps its lease."""
    job_model = apps.get_model("jobs", "Job")
    rows = apps.get_model("scanning", "CloudJob").objects
    # Whatever was tried may have arrived, so the next attempt looks for it first.
    rows.filter(sent_at__isnull=True, attempts__gt=0).update(may_have_arrived=True)
    still_open = rows.filter(
        due_at__isnull=False, scan__status__in=["queued", "running"]
    ).select_related("scan__scanned_file")
    turns: Counter[int] = Counter()
    for batch in batches(still_open):
        jobs = []
        for row in batch:
            container = row.scan.scanned_file.container_id
            jobs.append(_job(job_model, row, turn=turns[container]))
            turns[container] += 1
        job_model.objects.bulk_create(jobs)


def _job(job_model: Row, row: Row, *, turn: int) -> Row:
    return job_model(
        uid=new_uid("j"),
        kind="cloud_scan",
        subject=row.scan_id,
        key=str(row.scan_id),
        pool="talk",
        lane=f"cloud_scan:{row.scan.scanned_file.container_id}",
        turn=turn,
        state="running" if row.lease_owner else "waiting",
        run_after=row.due_at,
        lease_owner=row.lease_owner,
        lease_until=row.lease_until,
        attempts=row.attempts,
        cancel_requested=bool(row.lease_owner and row.scan.cancel_requested),
        requested_by_id=row.scan.requested_by_id,
    )


def take_jobs_back(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Write when open scans are due, and who has them; delete their jobs."""
    jobs = apps.get_model("jobs", "Job").objects.filter(kind="cloud_scan")
    rows = apps.get_model("scanning", "CloudJob").objects
    # The attempts of a job begin anew after each wait; those of a row did not.
    may_have_arrived = models.Q(may_have_arrived=True, sent_at__isnull=True)
    least = models.Case(models.When(may_have_arrived, then=1), default=0)
    for batch in batches(jobs.filter(state__in=["waiting", "running"])):
        for job in batch:
            rows.filter(scan=job.subject).update(
                due_at=job.run_after,
                lease_owner=job.lease_owner,
                lease_until=job.lease_until,
                attempts=Greatest(job.attempts, least),
            )
    jobs.delete()


class Migration(migrations.Migration):
    """Copy; the next migration drops the columns."""

    dependencies = [
        ("scanning", "0031_drop_columns_of_cloud_deletions"),
        ("jobs", "0001_initial"),
    ]
    operations = [
        migrations.AddField(
            "cloudjob",
            "may_have_arrived",
            models.BooleanField(
                default=False,
                help_text="An attempt to send it began, so the next one looks for it "
                "first.",
            ),
        ),
        migrations.RunPython(make_jobs, take_jobs_back, elidable=True),
    ]
