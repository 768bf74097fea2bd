"""Open work with cloud accounts becomes jobs, and rows with leases again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.migrating import migrations_of

DELETIONS = (
    "0029_drop_columns_of_watches",
    "0030_cloud_deletions_are_jobs",
    "0031_drop_columns_of_cloud_deletions",
)
SCANS = (
    "0031_drop_columns_of_cloud_deletions",
    "0032_cloud_scans_are_jobs",
    "0033_drop_columns_of_cloud_scans",
)
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


@pytest.mark.django_db
def test_open_deletions_get_jobs_and_lose_them() -> None:
    earlier, first, later = DELETIONS
    with migrations_of("scanning", before=first) as go_to:
        models = go_to(earlier)
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

        new = go_to(later)
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

        old = go_to(earlier)
        deletions = old.get_model("scanning", "CloudDeletion")._base_manager
        assert _rows(deletions, "remote_id") == before
        assert not old.get_model("jobs", "Job").objects.exists()


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


@pytest.mark.django_db
def test_open_cloud_scans_get_jobs_and_lose_them() -> None:
    earlier, first, later = SCANS
    with migrations_of("scanning", before=first) as go_to:
        models = go_to(earlier)
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

        new = go_to(later)
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
        # A job that waited counts its attempts anew, and the file may still have arrived.
        type(jobs[0]).objects.filter(subject=jobs[0].subject).update(attempts=0)

        old = go_to(earlier)
        after = _rows(old.get_model("scanning", "CloudJob").objects, "scan__uid")
        assert after.pop("waits") == (SOON, "", None, 1)
        assert after == {name: row for name, row in before.items() if name != "waits"}
        assert not old.get_model("jobs", "Job").objects.exists()
