"""Open searches from before searches were jobs get jobs, and lose them again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.migrating import migrations_of

BEFORE, AFTER = "0021_plain_words", "0022_retro_searches_are_jobs"
# Still ahead at the end of a long run of all tests.
SOON = datetime.now(tz=UTC) + timedelta(days=1)
COLUMNS = ("status", "lease_owner", "lease_until", "attempts", "cancel_requested")
# Columns of a search; then state, owner, attempts and request to cancel of its job, and
# whether it runs later.
OPEN = {
    "waits": (("queued", "", None, 0, False), ("waiting", "", 0, False, False)),
    "runs": (("running", "w:1", SOON, 1, True), ("running", "w:1", 1, True, False)),
    "paused": (("running", "", SOON, 2, False), ("waiting", "", 2, False, True)),
}
CLOSED = ["collecting", "done", "failed", "cancelled"]


def _leases(searches: Any) -> dict[str, tuple[Any, ...]]:  # Any: historical
    rows = searches.values_list("uid", *COLUMNS)
    return {uid: tuple(values) for uid, *values in rows}


@pytest.mark.django_db
def test_open_searches_get_jobs_and_lose_them() -> None:
    with migrations_of("scanning", before=AFTER) as go_to:
        searches = go_to(BEFORE).get_model("scanning", "RetroSearch")._base_manager
        for uid, (columns, _job) in OPEN.items():
            searches.create(uid=uid, **dict(zip(COLUMNS, columns, strict=True)))
        for status in CLOSED:
            searches.create(uid=status, status=status)
        before = _leases(searches)

        new = go_to(AFTER)
        searches = new.get_model("scanning", "RetroSearch")._base_manager
        uids = dict(searches.values_list("pk", "uid"))
        now = datetime.now(tz=UTC)
        jobs = new.get_model("jobs", "Job").objects.filter(kind="retro_search")
        assert {
            uids[job.subject]: (
                job.state,
                job.lease_owner,
                job.attempts,
                job.cancel_requested,
                job.run_after > now,
            )
            for job in jobs
        } == {uid: job for uid, (_columns, job) in OPEN.items()}
        assert jobs.get(state="running").lease_until == SOON

        old = go_to(BEFORE)
        assert _leases(old.get_model("scanning", "RetroSearch")._base_manager) == before
        assert not old.get_model("jobs", "Job").objects.exists()
