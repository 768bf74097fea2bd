"""Jobs wait for a machine that does their duty, and say so wherever somebody looks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from base.jobs import clock, machines, resources, services
from base.jobs.choices import JobState, Pool
from base.jobs.kinds import Kind
from base.jobs.models import Job, Machine
from base.jobs.resources import Duty
from base.jobs.runner import run_next
from base.jobs.services import note_undone_duties
from catalogue.models import RecordingStatus
from dedup.jobs import CHECK
from dedup.models import CatalogueCheck
from tests.factories.catalogue import RecordingFactory
from tests.fixtures import MakeClient
from tests.jobs.work import MIRRORED, did, registered
from tests.operations.test_monitoring import figures

pytestmark = pytest.mark.django_db(transaction=True)

_here: dict[str, str] = {}


@pytest.fixture
def kind() -> Iterator[Kind]:
    """Return a kind whose jobs need a lamp, which this machine lacks at first."""
    _here.clear()
    duty = resources.register_duty(
        Duty(
            "lamp",
            here=lambda: dict(_here),
            words=lambda part: f"the lamp {part}".strip(),
            remedy=lambda _part: "Bring it.",
        )
    )
    try:
        with registered(MIRRORED, duty=lambda _row: "lamp") as made:
            yield made
    finally:
        resources.unregister_duty(duty)


def state_duties() -> None:
    machines.Statements([Pool.WORK]).renew()


def test_a_job_waits_for_its_duty_without_an_attempt(kind: Kind) -> None:
    state_duties()
    row = RecordingFactory.create()
    job = services.submit(kind, row)

    assert run_next(Pool.WORK) is None
    row.refresh_from_db()
    assert (row.status, row.status_message) == (
        RecordingStatus.WAITING,
        "No worker that has the lamp was seen lately; it waits for one. Bring it.",
    )

    _here["lamp"] = ""
    state_duties()
    note_undone_duties()
    row.refresh_from_db()
    assert row.status_message == ""
    assert run_next(Pool.WORK) == job
    job.refresh_from_db()
    assert (job.state, job.attempts, job.blocked_by) == (JobState.DONE, 1, "")


def test_a_duty_that_nobody_does_is_named_wherever_somebody_looks(
    kind: Kind, signed_in: MakeClient, settings: Settings
) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = "open sesame"
    state_duties()
    services.submit(kind, RecordingFactory.create())
    output = StringIO()

    page = signed_in(Role.ADMIN).get("/jobs/?state=waiting").content.decode()
    with pytest.raises(CommandError):
        call_command("doctor", stdout=output)

    assert "No worker that has the lamp was seen lately" in page
    assert "no worker with it was seen lately; jobs are waiting for one" in page
    assert "1 job waiting for a worker that has the lamp" in output.getvalue()
    assert figures(Client())["acrportal_jobs_without_machine", ("lamp",)] == 1


def test_a_machine_that_falls_silent_no_longer_counts(kind: Kind) -> None:
    _here["lamp"] = ""
    state_duties()
    services.submit(kind, RecordingFactory.create())

    assert machines.undone_duties() == {}
    with time_machine.travel(timedelta(minutes=3)):
        assert machines.undone_duties() == {"lamp": 1}
        note_undone_duties()
    assert Job.objects.get(kind=kind.name).blocked_by == "lamp"


def test_a_worker_of_another_pool_does_no_duty_for_this_one(kind: Kind) -> None:
    _here["lamp"] = ""
    machines.Statements([Pool.TALK]).renew()
    services.submit(kind, RecordingFactory.create())

    assert machines.undone_duties() == {"lamp": 1}


def test_machines_with_different_keys_are_named(kind: Kind) -> None:
    _here["lamp"] = "red"
    state_duties()
    Machine.objects.create(
        host="other", folder="/srv", pool=Pool.WORK, duties={"lamp": "blue"}, seen_at=clock.now()
    )
    output = StringIO()

    with pytest.raises(CommandError):
        call_command("doctor", stdout=output)

    assert "machines have different ones of the lamp" in output.getvalue()
    assert "other: blue" in output.getvalue()


def test_a_job_whose_row_is_gone_waits_for_no_duty(kind: Kind) -> None:
    row = RecordingFactory.create()
    job = services.submit(kind, row)
    row.delete()

    note_undone_duties()

    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert did == []


def test_a_job_waits_for_what_its_row_needs_today(settings: Settings) -> None:
    settings.ACRPORTAL_PARTITIONS, settings.ACRPORTAL_HELD_PARTITIONS = 2, [1]
    state_duties()
    check = services.submit(CHECK, CatalogueCheck.objects.create())
    assert check.blocked_by == "partition:all"

    settings.ACRPORTAL_PARTITIONS, settings.ACRPORTAL_HELD_PARTITIONS = 1, None
    state_duties()
    note_undone_duties()

    check.refresh_from_db()
    assert (check.duty, check.blocked_by, check.cause) == ("", "", "")
    assert run_next(Pool.WORK) == check
