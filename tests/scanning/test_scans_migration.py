"""Open scans from before scans were jobs get jobs, and lose them again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.migrating import migrations_of

BEFORE, AFTER = "0034_scans_await_callbacks", "0035_scans_are_jobs"
# Still ahead at the end of a long run of all tests.
SOON = datetime.now(tz=UTC) + timedelta(days=1)
COLUMNS = ("status", "stage", "lease_owner", "lease_until", "attempts", "waited_for")
# Columns of a scan; then state, owner, attempts and priority of its job, and whether it
# runs later.
OPEN = {
    "waits": (
        ("queued", "queued", "", None, 0, True),
        ("waiting", "", 0, 20, False),
    ),
    "runs": (
        ("running", "matching", "w:1", SOON, 1, False),
        ("running", "w:1", 1, 0, False),
    ),
    "paused": (
        ("running", "paused", "", SOON, 2, False),
        ("waiting", "", 2, 0, True),
    ),
}
WITHOUT_JOB = ("running", "awaiting_callback", "", None, 0, False)
CLOSED = ["succeeded", "failed", "cancelled"]


def _leases(scans: Any) -> dict[str, tuple[Any, ...]]:  # Any: historical
    rows = scans.values_list("uid", *COLUMNS)
    return {uid: tuple(values) for uid, *values in rows}


@pytest.mark.django_db
def test_open_scans_get_jobs_and_lose_them() -> None:
    with migrations_of("scanning", before=AFTER) as go_to:
        old = go_to(BEFORE)
        container = old.get_model("scanning", "Container").objects.create(name="c")
        files = old.get_model("scanning", "ScannedFile")._base_manager
        scans = old.get_model("scanning", "Scan")._base_manager

        def add(uid: str, engine: str, **columns: Any) -> None:  # Any: of any column
            file = files.create(container=container, name=uid, sha256="0" * 64)
            scans.create(uid=uid, scanned_file=file, engine=engine, **columns)

        for turn, (uid, (values, _job)) in enumerate(OPEN.items()):
            columns = dict(zip(COLUMNS, values, strict=True))
            add(uid, "embedded", turn=turn, **columns)
        sent = dict(zip(COLUMNS, WITHOUT_JOB, strict=True))
        add("sent", "acrcloud", **sent)
        for status in CLOSED:
            add(status, "embedded", status=status, stage="done")
        before = _leases(scans)

        new = go_to(AFTER)
        scans = new.get_model("scanning", "Scan")._base_manager
        uids = dict(scans.values_list("pk", "uid"))
        now = datetime.now(tz=UTC)
        jobs = new.get_model("jobs", "Job").objects.filter(kind="scan")
        assert {
            uids[job.subject]: (
                job.state,
                job.lease_owner,
                job.attempts,
                job.priority,
                job.run_after > now,
            )
            for job in jobs
        } == {uid: job for uid, (_columns, job) in OPEN.items()}
        assert [job.turn for job in jobs.order_by("pk")] == [0, 1, 2]
        assert {job.lane for job in jobs} == {f"scan:{container.pk}"}
        running = jobs.get(state="running")
        assert (running.lease_until, running.stage) == (SOON, "matching")
        assert scans.get(uid="paused").status == "queued"
        assert scans.get(uid="sent").status == "awaiting_callback"

        old = go_to(BEFORE)
        assert _leases(old.get_model("scanning", "Scan")._base_manager) == before
        assert not old.get_model("jobs", "Job").objects.exists()
