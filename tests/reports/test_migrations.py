"""Unfinished work of reports becomes jobs, and work of the old kind again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from django.utils import timezone

from tests import databases
from tests.test_migrations import _fill

BEFORE, FIRST = "0006_rename_report_delivery", "0007_evidence_packs_are_jobs"
AFTER = "0012_drop_columns_of_report_deliveries"
UNTIL = datetime(2026, 5, 4, 12, tzinfo=UTC)
LEASE: dict[str, object] = {"lease_owner": "", "lease_until": None, "attempts": 0}
HELD = {"lease_owner": "w:1", "lease_until": UNTIL, "attempts": 2}
# It failed once, and waits until its next attempt.
PAUSED = LEASE | {"lease_until": UNTIL, "attempts": 1}

# Any: historical models.
Row = Any
Make = Callable[[ProjectState, str, dict[str, object]], Row]


@dataclass(frozen=True)
class Moved:
    """A model, and the statuses of its rows that wait, run, or have ended."""

    model: str
    kind: str
    make: Make
    key: Callable[[Row], str]
    status: str
    waiting: str
    running: str
    ended: tuple[str, ...]
    held: dict[str, object]
    """What a row has only while a worker holds it."""


def _match(state: ProjectState) -> int:
    """Return the key of a new match that others of its file and recording allow."""
    rows: Row = state.apps.get_model("review", "Match")
    match = rows.objects.first() or _fill(state, "review.match")
    match.pk, match.uid, match.state = None, f"m_{rows.objects.count()}", "superseded"
    match.save(force_insert=True)
    return int(match.pk)


def _pack(state: ProjectState, status: str, columns: dict[str, object]) -> Row:
    rows = state.apps.get_model("reports", "EvidencePack").objects
    return rows.create(match_id=_match(state), status=status, **columns)


def _run(state: ProjectState, status: str, columns: dict[str, object]) -> Row:
    rows = state.apps.get_model("reports", "ReportRun").objects
    return rows.create(name="R", run_by_name="ana", state=status, **columns)


MOVED = [
    Moved(
        *("EvidencePack", "evidence", _pack, lambda pack: f"match:{pack.match_id}"),
        *("status", "queued", "building", ("ready", "failed", "cancelled")),
        held={"progress": 40},
    ),
    Moved(
        *("ReportRun", "report", _run, lambda run: str(run.pk)),
        *("state", "queued", "running", ("ready", "failed", "cancelled")),
        held={"progress": 60, "cancel_requested": True},
    ),
]


@pytest.mark.django_db
def test_unfinished_work_becomes_jobs_and_becomes_rows_again() -> None:
    with databases.instead(("reports", FIRST)) as database:
        state = _migrate(database, BEFORE)
        made = {moved.kind: _rows_of(moved, state) for moved in MOVED}
        deliveries = _deliveries(state, made["report"]["held"])

        state = _migrate(database, AFTER)
        jobs = state.apps.get_model("jobs", "Job").objects.filter(kind="dispatch")
        (job,) = jobs
        assert job.subject == deliveries["due"].pk
        assert (job.pool, job.run_after, job.attempts) == ("talk", UNTIL, 3)
        for moved in MOVED:
            _assert_jobs(moved, state, made[moved.kind])

        state = _migrate(database, BEFORE)
        assert not state.apps.get_model("jobs", "Job").objects.exists()
        for moved in MOVED:
            _assert_rows(moved, state, made[moved.kind])
        rows: Row = state.apps.get_model("reports", "ReportDelivery").objects
        again = rows.get(pk=deliveries["due"].pk)
        assert (again.state, again.next_attempt_at, again.attempts) == (
            "waiting",
            UNTIL,
            3,
        )
        assert rows.get(pk=deliveries["early"].pk).next_attempt_at is not None


def _deliveries(state: ProjectState, unfinished: Row) -> dict[str, Row]:
    """Return a delivery that is due, one of an unfinished report, and one sent."""
    rows: Row = state.apps.get_model("reports", "ReportDelivery")
    schedule = _fill(state, "reports.reportschedule")
    ready = _run(state, "ready", LEASE)

    def make(run: Row, of: str) -> Row:
        columns = {"next_attempt_at": UNTIL, "attempts": 3}
        return rows.objects.create(schedule=schedule, run=run, state=of, **columns)

    make(ready, "sent")
    return {"due": make(ready, "waiting"), "early": make(unfinished, "waiting")}


def _migrate(database: BaseDatabaseWrapper, name: str) -> ProjectState:
    """Migrate reports to a migration and return the models of that time."""
    executor: Any = MigrationExecutor(database)  # Any: not fully typed
    state = executor.migrate([("reports", name)])
    assert isinstance(state, ProjectState)
    return state


def _rows_of(moved: Moved, state: ProjectState) -> dict[str, Row]:
    sealed = {"file": "f", "sha256": "s"}
    for ended in moved.ended:
        moved.make(state, ended, HELD | (sealed if ended == "ready" else {}))
    return {
        "waiting": moved.make(state, moved.waiting, LEASE),
        "held": moved.make(state, moved.running, HELD | moved.held),
        "paused": moved.make(state, moved.running, PAUSED),
    }


def _assert_jobs(moved: Moved, state: ProjectState, made: dict[str, Row]) -> None:
    jobs = state.apps.get_model("jobs", "Job").objects.filter(kind=moved.kind)
    by_subject = {job.subject: job for job in jobs}
    assert set(by_subject) == {row.pk for row in made.values()}
    waiting, held, paused = (
        by_subject[made[name].pk] for name in ("waiting", "held", "paused")
    )
    assert [waiting.state, held.state, paused.state] == [
        "waiting",
        "running",
        "waiting",
    ]
    assert [waiting.lease_owner, paused.lease_owner] == ["", ""]
    assert _columns(held, HELD | moved.held) == HELD | moved.held
    assert held.key == moved.key(made["held"])
    assert (held.pool, held.priority) == ("work", -10)
    assert waiting.run_after <= timezone.now() + timedelta(seconds=1)
    assert (paused.run_after, paused.attempts) == (UNTIL, 1)
    rows: Row = state.apps.get_model("reports", moved.model)
    shown = rows.objects.get(pk=made["paused"].pk)
    assert getattr(shown, moved.status) == moved.waiting


def _assert_rows(moved: Moved, state: ProjectState, made: dict[str, Row]) -> None:
    rows: Row = state.apps.get_model("reports", moved.model)
    held = rows.objects.get(pk=made["held"].pk)
    paused = rows.objects.get(pk=made["paused"].pk)
    assert getattr(held, moved.status) == moved.running
    assert _columns(held, HELD | moved.held) == HELD | moved.held
    assert _columns(paused, LEASE) == LEASE | {"attempts": 1}


def _columns(row: Row, of: dict[str, object]) -> dict[str, object]:
    return {name: getattr(row, name) for name in of}
