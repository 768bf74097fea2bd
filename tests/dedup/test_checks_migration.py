"""The open check from before checks were jobs gets a job, and loses it again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.migrating import migrations_of

BEFORE, AFTER = "0003_check_of_every_bucket", "0004_checks_are_jobs"
# Still ahead at the end of a long run of all tests.
SOON = datetime.now(tz=UTC) + timedelta(days=1)
COLUMNS = ("status", "lease_owner", "lease_until", "attempts", "cancel_requested")
WAITING = ("waiting", "", None, 0, False)
RUNNING = ("running", "w:1", SOON, 2, True)


@pytest.mark.django_db
@pytest.mark.parametrize("first", [WAITING, RUNNING])
def test_the_open_check_gets_a_job_and_loses_it(first: tuple[Any, ...]) -> None:
    with migrations_of("dedup", before=AFTER) as go_to:
        checks = go_to(BEFORE).get_model("dedup", "CatalogueCheck")._base_manager
        checks.create(status="done")
        # The second can only wait.
        keys = [
            checks.create(**dict(zip(COLUMNS, columns, strict=True))).pk
            for columns in (WAITING, first)
        ]
        open_check, other = keys if first == WAITING else reversed(keys)

        job = go_to(AFTER).get_model("jobs", "Job").objects.get()
        assert (job.kind, job.subject, job.key) == (
            "catalogue_check",
            open_check,
            "all",
        )
        assert (
            job.state,
            job.lease_owner,
            job.lease_until,
            job.attempts,
            job.cancel_requested,
        ) == first

        old = go_to(BEFORE)
        checks = old.get_model("dedup", "CatalogueCheck")._base_manager
        assert checks.values_list(*COLUMNS).get(pk=open_check) == first
        assert checks.get(pk=other).status == "cancelled"
        assert not old.get_model("jobs", "Job").objects.exists()
