"""Callbacks and watches from before jobs get jobs, and lose them again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Model

from tests.migrating import migrations_of

BEFORE, FIRST = "0023_retro_searches_without_leases", "0024_callbacks_sent_are_jobs"
AFTER = "0028_watch_checks_are_jobs"
# Still ahead at the end of a long run of all tests.
SOON = datetime.now(tz=UTC) + timedelta(days=1)
LEASE = ("next_check_at", "lease_owner", "lease_until")
HELD = {"lease_owner": "w:1", "lease_until": SOON}

# Any: historical models.
Apps = Any
Rows = dict[str, Model]


def _sent(apps: Apps) -> Rows:
    container = apps.get_model("scanning", "Container").objects.create(name="C")
    file = apps.get_model("scanning", "ScannedFile").objects.create(
        container=container, name="f", source_type="file"
    )

    def make(**columns: object) -> Model:
        callback: Model = apps.get_model("scanning", "OutboundCallback").objects.create(
            uid=f"cb_{len(made)}",
            container=container,
            scanned_file=file,
            url="https://h.example/",
            **columns,
        )
        return callback

    made: Rows = {}
    made["paused"] = make(attempts=3, next_attempt_at=SOON)
    made["held"] = make(attempts=1, next_attempt_at=SOON, **HELD)
    made["failed"] = make(status="failed")
    return made


def _received(apps: Apps) -> Rows:
    def make(**columns: object) -> Model:
        callback: Model = apps.get_model("scanning", "InboundCallback").objects.create(
            body="{}", body_sha256=f"{len(made)}", file_id="f", **columns
        )
        return callback

    made: Rows = {}
    made["paused"] = make(attempts=2, next_attempt_at=SOON, message="It broke.")
    made["new"] = make()
    made["orphan"] = make(outcome="orphan")
    return made


def _watched(apps: Apps) -> Rows:
    container = apps.get_model("scanning", "Container").objects.first()

    def make(**columns: object) -> Model:
        watch: Model = apps.get_model("scanning", "Watch").objects.create(
            uid=f"w_{len(made)}",
            container=container,
            url="https://feed.example/",
            link_key=f"{len(made)}",
            next_check_at=SOON,
            **columns,
        )
        return watch

    made: Rows = {}
    made["waiting"] = make()
    made["held"] = make(**HELD)
    made["off"] = make(enabled=False)
    return made


@pytest.mark.django_db
def test_callbacks_and_watches_get_jobs_and_lose_them() -> None:
    with migrations_of("scanning", before=FIRST) as go_to:
        old = go_to(BEFORE)
        sent = _sent(old)
        received = _received(old)
        watched = _watched(old)
        models = ["OutboundCallback", "InboundCallback"]
        before = {model: _values(old, model) for model in models}

        jobs = go_to(AFTER).get_model("jobs", "Job").objects
        assert _jobs(jobs.filter(kind="callback_sent"), sent) == {
            "paused": ("waiting", "", SOON, 3),
            "held": ("running", "w:1", SOON, 1),
        }
        job = jobs.get(kind="callback_sent", state="waiting")
        assert job.pool == "talk"
        assert job.lane == f"callback_sent:{sent['held'].container_id}"  # type: ignore[attr-defined]

        assert _jobs(jobs.filter(kind="callback_received"), received) == {
            "paused": ("waiting", "", SOON, 2),
            "new": ("waiting", "", None, 0),
        }

        assert _jobs(jobs.filter(kind="watch_check"), watched) == {
            "waiting": ("waiting", "", SOON, 0),
            "held": ("running", "w:1", SOON, 1),
        }

        old = go_to(BEFORE)
        enabled = old.get_model("scanning", "Watch")._base_manager.filter(enabled=True)
        assert list(enabled.order_by("pk").values_list(*LEASE)) == [
            (SOON, "", None),
            (SOON, "w:1", SOON),
        ]
        assert {model: _values(old, model) for model in before} == before
        assert not old.get_model("jobs", "Job").objects.exists()


def _jobs(
    jobs: Iterable[Any],  # Any: historical
    rows: Rows,
) -> dict[str, tuple[str, str, datetime | None, int]]:
    """Return state, owner, due time, if it is ahead, and attempts of the jobs of rows."""
    names = {row.pk: name for name, row in rows.items()}
    now = datetime.now(tz=UTC)
    return {
        names[job.subject]: (
            job.state,
            job.lease_owner,
            job.run_after if job.run_after > now else None,
            job.attempts,
        )
        for job in jobs
    }


def _values(apps: Apps, model: str) -> list[dict[str, object]]:
    return list(apps.get_model("scanning", model)._base_manager.order_by("pk").values())
