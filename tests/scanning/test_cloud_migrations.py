"""Open work with cloud accounts becomes jobs, and rows with leases again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.models import Job
from tests.migrating import migrations_of

BEFORE = "0023_retro_searches_without_leases"
DELETIONS = "0031_drop_columns_of_cloud_deletions"
SCANS = "0033_drop_columns_of_cloud_scans"
# Still ahead at the end of a long run of all tests.
SOON = datetime.now(tz=UTC) + timedelta(days=1)
COLUMNS = ("due_at", "lease_owner", "lease_until", "attempts")
# Any in this module: historical models.
Row = tuple[Any, ...]
OPEN: dict[str, Row] = {
    "waits": (SOON, "", None, 2),
    "runs": (SOON, "w:1", SOON, 1),
}
ENDED: Row = (None, "", None, 0)


def _account(models: Any) -> Any:
    accounts = models.get_model("scanning", "CloudAccount")._base_manager
    return accounts.create(name="Vendor", token_sealed="x")


def _rows(rows: Any, name: str) -> dict[str, Row]:
    found = rows.values_list(name, *COLUMNS)
    return {key: tuple(values) for key, *values in found}


@pytest.mark.django_db(transaction=True)
def test_open_deletions_get_jobs_and_lose_them() -> None:
    with migrations_of("scanning") as go_to:
        models = go_to(BEFORE)
        account = _account(models)
        deletions = models.get_model("scanning", "CloudDeletion")._base_manager
        for name, columns in (OPEN | {"ended": ENDED}).items():
            deletions.create(
                account=account,
                remote_container_id=7,
                remote_id=name,
                **dict(zip(COLUMNS, columns, strict=True)),
            )
        before = _rows(deletions, "remote_id")

        new = go_to(DELETIONS)
        deletions = new.get_model("scanning", "CloudDeletion")._base_manager
        names = dict(deletions.values_list("pk", "remote_id"))
        jobs = list(new.get_model("jobs", "Job").objects.all())
        assert {(job.kind, job.pool, job.lane) for job in jobs} == {
            ("cloud_deletion", "talk", f"cloud_deletion:{account.pk}")
        }
        assert {
            names[job.subject]: (
                (job.run_after, job.lease_owner, job.lease_until, job.attempts),
                job.state,
            )
            for job in jobs
        } == {
            "waits": (OPEN["waits"], "waiting"),
            "runs": (OPEN["runs"], "running"),
        }

        old = go_to(BEFORE).get_model("scanning", "CloudDeletion")._base_manager
        assert _rows(old, "remote_id") == before
        assert not Job.objects.exists()


def _scan(models: Any, container: Any, account: Any, name: str, **columns: Any) -> Any:
    files = models.get_model("scanning", "ScannedFile")._base_manager
    scans = models.get_model("scanning", "Scan")._base_manager
    rows = models.get_model("scanning", "CloudJob")._base_manager
    file = files.create(container=container, name=name, media="m")
    status = columns.pop("status", "queued")
    scan = scans.create(uid=name, scanned_file=file, engine="acrcloud", status=status)
    return rows.create(
        scan=scan, account=account, remote_container_id=7, said="", **columns
    )


@pytest.mark.django_db(transaction=True)
def test_open_cloud_scans_get_jobs_and_lose_them() -> None:
    with migrations_of("scanning") as go_to:
        models = go_to(BEFORE)
        account = _account(models)
        containers = models.get_model("scanning", "Container")._base_manager
        container = containers.create(name="Cloud", callback_secret="s")
        for name, values in (OPEN | {"ended": ENDED}).items():
            columns = dict(zip(COLUMNS, values, strict=True))
            status = "succeeded" if name == "ended" else "running"
            _scan(models, container, account, name, status=status, **columns)
        _scan(models, container, account, "sent", due_at=SOON, sent_at=SOON, attempts=1)
        _scan(models, container, account, "untried", due_at=SOON)
        before = _rows(models.get_model("scanning", "CloudJob").objects, "scan__uid")

        new = go_to(SCANS)
        rows = new.get_model("scanning", "CloudJob").objects
        uids = dict(rows.values_list("scan", "scan__uid"))
        jobs = list(new.get_model("jobs", "Job").objects.order_by("pk"))
        assert {(job.kind, job.pool, job.lane) for job in jobs} == {
            ("cloud_scan", "talk", f"cloud_scan:{container.pk}")
        }
        assert [(uids[job.subject], job.turn, job.state) for job in jobs] == [
            ("waits", 0, "waiting"),
            ("runs", 1, "running"),
            ("sent", 2, "waiting"),
            ("untried", 3, "waiting"),
        ]
        assert {
            uids[job.subject]: (
                *(job.run_after, job.lease_owner, job.lease_until, job.attempts),
            )
            for job in jobs
        } == {name: row for name, row in before.items() if name != "ended"}
        tried = rows.filter(may_have_arrived=True)
        assert set(tried.values_list("scan__uid", flat=True)) == {"waits", "runs"}
        # A wait lets attempts begin anew, but not what is known about the file.
        Job.objects.filter(subject=jobs[0].subject).update(attempts=0)

        old = go_to(BEFORE).get_model("scanning", "CloudJob").objects
        after = _rows(old, "scan__uid")
        assert after.pop("waits") == (SOON, "", None, 1)
        assert after == {name: row for name, row in before.items() if name != "waits"}
        assert not Job.objects.exists()
