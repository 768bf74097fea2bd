"""Unfinished work of reports becomes jobs, and work of the old kind again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from django.utils import timezone

from tests.test_migrations import _fill, empty_database

__all__ = ["empty_database"]

UNTIL = datetime(2026, 5, 4, 12, tzinfo=UTC)
BEFORE = "0006_rename_report_delivery"


def migrate(database: BaseDatabaseWrapper, name: str) -> ProjectState:
    """Migrate reports to a migration and return the models of that time."""
    executor: Any = MigrationExecutor(database)  # Any: not fully typed
    state = executor.migrate([("reports", name)])
    assert isinstance(state, ProjectState)
    return state


def _match(state: ProjectState) -> int:
    """Return the key of a new match that others of its file and recording allow."""
    rows: Any = state.apps.get_model("review", "Match")  # Any: a historical model
    match = rows.objects.first() or _fill(state, "review.match")
    match.pk, match.uid, match.state = None, f"m_{rows.objects.count()}", "superseded"
    match.save(force_insert=True)
    return int(match.pk)


def lease(row: Any) -> dict[str, Any]:
    """Return what a row or a job says of its worker. Any: historical models."""
    names = ("lease_owner", "lease_until", "attempts", "progress")
    return {name: getattr(row, name) for name in names}


def test_unfinished_packs_become_jobs_and_packs_again(
    empty_database: BaseDatabaseWrapper,
) -> None:
    state = migrate(empty_database, BEFORE)
    match = partial(_match, state)
    packs = state.apps.get_model("reports", "EvidencePack").objects
    held = {"lease_owner": "w:1", "lease_until": UNTIL, "attempts": 2, "progress": 40}
    paused = held | {"lease_owner": "", "attempts": 1, "progress": 0}
    made = {
        status: packs.create(uid=f"e_{number}", match_id=match(), status=status, **of)
        for number, (status, of) in enumerate(
            [("queued", {}), ("building", held), ("failed", {}), ("cancelled", {})]
        )
    }
    late = packs.create(uid="e_p", match_id=match(), status="building", **paused)

    apps = migrate(empty_database, "0008_drop_columns_of_evidence_packs").apps
    jobs = {job.subject: job for job in apps.get_model("jobs", "Job").objects.all()}
    assert set(jobs) == {made["queued"].pk, made["building"].pk, late.pk}
    running = jobs[made["building"].pk]
    assert (running.state, running.kind, running.pool) == (
        *("running", "evidence", "work"),
    )
    assert running.key == f"match:{made['building'].match_id}"
    assert lease(running) == held
    waiting = jobs[made["queued"].pk]
    assert (waiting.state, waiting.lease_owner) == ("waiting", "")
    assert waiting.run_after <= timezone.now() + timedelta(seconds=1)
    assert (jobs[late.pk].state, jobs[late.pk].run_after) == ("waiting", UNTIL)
    packs = apps.get_model("reports", "EvidencePack").objects
    assert packs.get(pk=late.pk).status == "queued"

    apps = migrate(empty_database, BEFORE).apps
    packs = apps.get_model("reports", "EvidencePack").objects
    assert not apps.get_model("jobs", "Job").objects.exists()
    assert lease(packs.get(pk=made["building"].pk)) == held
    assert lease(packs.get(pk=late.pk)) == held | {
        "lease_owner": "",
        "lease_until": None,
        "attempts": 1,
        "progress": 0,
    }
