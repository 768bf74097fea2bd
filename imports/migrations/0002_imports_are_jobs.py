"""Open imports become jobs, with their leases, attempts and the last failure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q

from common.uid import new_uid

_AT_ONCE = 500
_NAMES = {"catalogueimport": "catalogue_import", "resultimport": "result_import"}
_PERSON, _DOCUMENT = 20, -10


def make_jobs(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Ask for the jobs. Their entries in the queue go with its table."""
    job_model = apps.get_model("jobs", "Job")
    for model, name in _NAMES.items():
        rows = apps.get_model("imports", model)._base_manager
        still_open = rows.filter(status__in=["checking", "importing"]).order_by("pk")
        last = 0
        while some := list(still_open.filter(pk__gt=last)[:_AT_ONCE]):
            job_model.objects.bulk_create(_job(job_model, name, row) for row in some)
            last = some[-1].pk
            rows.filter(pk__in=[row.pk for row in some]).update(message="")


def _job(job_model: Any, name: str, row: Any) -> Any:  # Any: historical models
    is_check = row.status == "checking"
    is_held = bool(row.lease_owner and row.lease_until)
    return job_model(
        uid=new_uid("j"),
        kind=f"{name}_check" if is_check else name,
        subject=row.pk,
        key=str(row.pk),
        priority=_PERSON if is_check else _DOCUMENT,
        state="running" if is_held else "waiting",
        # A lease without an owner ends when a failed import may be tried again.
        run_after=(not is_held and row.lease_until) or datetime.now(tz=UTC),
        lease_owner=row.lease_owner if is_held else "",
        lease_until=row.lease_until if is_held else None,
        attempts=row.attempts,
        cause=row.message,
        requested_by_id=row.made_by_id,
    )


def make_leases(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Give leases, attempts and failures of open jobs back to their imports."""
    now = datetime.now(tz=UTC)
    for model, name in _NAMES.items():
        rows = apps.get_model("imports", model)._base_manager
        jobs = apps.get_model("jobs", "Job").objects.filter(
            Q(kind=name) | Q(kind=f"{name}_check"), state__in=["waiting", "running"]
        )
        for job in jobs.order_by("pk").iterator(chunk_size=_AT_ONCE):
            is_put_off = job.state == "waiting" and job.run_after > now
            rows.filter(pk=job.subject).update(
                lease_owner=job.lease_owner,
                lease_until=job.run_after if is_put_off else job.lease_until,
                attempts=job.attempts,
                message=job.cause[:500],
            )
        jobs.delete()


class Migration(migrations.Migration):
    """Copy both ways."""

    dependencies = [
        ("imports", "0001_initial"),
        ("jobs", "0001_initial"),
    ]
    operations = [migrations.RunPython(make_jobs, make_leases, elidable=True)]
