"""Open recordings from before fingerprinting was a job get jobs, and lose them again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.migrating import migrations_of

BEFORE, AFTER = "0014_index_changes_are_jobs", "0015_fingerprinting_is_a_job"
# Still ahead at the end of a long run of all tests.
SOON = datetime.now(tz=UTC) + timedelta(days=1)
# Status, owner and end of the lease, and attempts of a recording; then of its job: state,
# owner, attempts, and whether it runs later.
OPEN = {
    "waits": (("waiting", "", None, 0), ("waiting", "", 0, False)),
    "runs": (("processing", "w:1", SOON, 1), ("running", "w:1", 1, False)),
    "paused": (("processing", "", SOON, 2), ("waiting", "", 2, True)),
}
DONE = ["ready", "error", "stub", "retired"]


def _leases(recordings: Any) -> dict[str, tuple[Any, ...]]:  # Any: historical
    rows = recordings.values_list(
        "title", "status", "lease_owner", "lease_until", "attempts"
    )
    return {title: tuple(values) for title, *values in rows}


@pytest.mark.django_db
def test_open_recordings_get_jobs_and_lose_them() -> None:
    with migrations_of("catalogue", before=AFTER) as go_to:
        old = go_to(BEFORE)
        bucket = old.get_model("catalogue", "Bucket").objects.create(name="B")
        recordings = old.get_model("catalogue", "Recording")._base_manager
        for title, (columns, _job) in OPEN.items():
            status, owner, until, attempts = columns
            recordings.create(
                title=title,
                acr_id=title,
                uid=title,
                bucket=bucket,
                status=status,
                lease_owner=owner,
                lease_until=until,
                attempts=attempts,
                status_message="Odd.",
            )
        for status in DONE:
            recordings.create(
                title=status, acr_id=status, uid=status, bucket=bucket, status=status
            )
        before = _leases(recordings)

        new = go_to(AFTER)
        names = dict(
            new.get_model("catalogue", "Recording")._base_manager.values_list(
                "pk", "title"
            )
        )
        jobs = new.get_model("jobs", "Job").objects.filter(kind="recording")
        now = datetime.now(tz=UTC)
        assert {
            names[job.subject]: (
                job.state,
                job.lease_owner,
                job.attempts,
                job.run_after > now,
            )
            for job in jobs
        } == {title: job for title, (_columns, job) in OPEN.items()}
        running = jobs.get(state="running")
        assert (running.lease_until, running.cause) == (SOON, "Odd.")
        assert running.key == str(running.subject)

        old = go_to(BEFORE)
        assert _leases(old.get_model("catalogue", "Recording")._base_manager) == before
        assert not old.get_model("jobs", "Job").objects.exists()
