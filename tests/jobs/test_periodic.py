"""Regular work: one job of each, again and again; failures show until it succeeds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from base.jobs import loop, periodic, services
from base.jobs.choices import JobState, Pool
from base.jobs.kinds import Kind, unregister
from base.jobs.models import Job
from base.jobs.runner import run_next
from tests.factories.accounts import make_user
from tests.jobs.workers import lose_worker

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
EVERY = timedelta(minutes=10)

_done: list[datetime] = []
_faults: list[Exception] = []


def tick() -> None:
    if _faults:
        raise _faults[-1]
    _done.append(datetime.now(tz=UTC))


@pytest.fixture
def kind() -> Iterator[Kind]:
    made = periodic.periodic(
        "test_clock", "tests.jobs.test_periodic.tick", every=EVERY, label="Ticking"
    )
    _done.clear()
    _faults.clear()
    yield made
    unregister(made)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def work() -> None:
    loop.look_after_jobs()
    while run_next(Pool.TALK) is not None:
        pass


def test_it_runs_at_once_and_then_each_time(kind: Kind, clock: time_machine.Traveller) -> None:
    for _ in range(5):
        work()
        clock.shift(EVERY / 2)

    assert _done == [NOW, NOW + EVERY, NOW + 2 * EVERY]
    job = Job.objects.get(kind=kind.name)
    assert (job.state, job.subject, job.attempts) == (JobState.WAITING, None, 0)


def test_a_batch_runs_all_of_it(
    transactional_db: None, kind: Kind, clock: time_machine.Traveller
) -> None:
    loop.run_batch([Pool.TALK])
    loop.run_batch([Pool.TALK])

    assert len(_done) == 2


def test_work_that_lost_its_worker_is_done_by_another(
    kind: Kind, clock: time_machine.Traveller
) -> None:
    loop.look_after_jobs()
    lose_worker(kind.name)

    work()

    assert _done == [NOW]


def test_a_failure_shows_until_the_work_succeeds(
    kind: Kind, clock: time_machine.Traveller, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_ATTEMPTS = 2
    client = Client()
    client.force_login(make_user(Role.ADMIN))
    _faults.append(ValueError("odd"))
    for _ in range(4):
        # Fails twice in a row, and at its next time as well.
        work()
        clock.shift(timedelta(seconds=30))
        work()
        clock.shift(EVERY)
    work()

    page = client.get("/jobs/?state=failed")
    ((failed, _page),) = page.context["jobs"]
    assert failed.title == "Ticking"
    assert "ValueError: odd" in page.content.decode()

    _faults.clear()
    clock.shift(EVERY)
    work()
    assert "Ticking" not in client.get("/jobs/?state=failed").content.decode()


def test_it_can_be_tried_again_on_the_jobs_page(kind: Kind, clock: time_machine.Traveller) -> None:
    loop.look_after_jobs()
    job = Job.objects.get(kind=kind.name)
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, finished_at=NOW)
    client = Client()
    client.force_login(make_user(Role.ADMIN))
    page = client.get("/jobs/?state=failed&kind=regular")

    client.post("/jobs/again/", {"job": page.context["again"], "kind": "regular"})
    work()

    assert _done == [NOW]
    assert not periodic.failures().exists()


def test_waiting_regular_work_is_on_no_page(kind: Kind, client: Client) -> None:
    loop.look_after_jobs()
    client.force_login(make_user(Role.ADMIN))

    page = client.get("/jobs/?state=waiting").content.decode()

    assert "Ticking" not in page


def test_several_workers_plan_it_once(kind: Kind) -> None:
    periodic.plan()
    services.submit(kind, None)
    periodic.plan()

    assert Job.objects.filter(kind=kind.name).count() == 1
