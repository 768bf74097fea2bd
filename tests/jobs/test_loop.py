"""The loops of a worker: nothing that is due is left, and nothing new is begun at its end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from base.jobs import draining, loop, runner, services
from base.jobs.choices import JobState, Pool, Priority
from base.jobs.context import JobContext
from base.jobs.due_jobs import DueJobs
from base.jobs.models import Job
from tests.factories.catalogue import BucketFactory
from tests.jobs.work import PLAIN, did, do, registered
from tests.threads import shared_database, using_database

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
T = TypeVar("T")


def work(**options: object) -> None:
    call_command("worker", batch=True, **options)


def test_a_job_that_goes_on_later_is_taken_up_again() -> None:
    def three_times(context: JobContext) -> None:
        if len(did) < 3:
            context.wait_until(datetime.now(tz=UTC))

    with registered(PLAIN) as kind:
        do(three_times)
        services.submit(kind, BucketFactory.create(name="long"))
        work()

    assert did == ["long"] * 3
    assert Job.objects.get(kind=kind.name).state == JobState.DONE


def test_limited_jobs_follow_each_other(settings: Settings) -> None:
    with registered(PLAIN) as kind:
        settings.ACRPORTAL_JOBS_AT_ONCE = {kind.name: 1}
        for name in "abc":
            services.submit(kind, BucketFactory.create(name=name))
        running = Job.objects.filter(pk=Job.objects.earliest("pk").pk)
        running.update(
            state=JobState.RUNNING, lease_until=datetime.now(tz=UTC) + timedelta(minutes=1)
        )
        work()
        assert did == []

        running.update(state=JobState.WAITING)
        work()

    assert did == ["a", "b", "c"]


def test_only_the_pool_that_was_asked_for_is_worked_off() -> None:
    with registered(PLAIN) as kind:
        services.submit(kind, BucketFactory.create(name="one"))
        work(pool="talk")
        assert did == []

        work(pool="work")

    assert did == ["one"]


def test_jobs_of_dead_workers_are_done_first_of_all() -> None:
    with registered(PLAIN) as kind:
        job = services.submit(kind, BucketFactory.create(name="one"))
        Job.objects.filter(pk=job.pk).update(
            state=JobState.RUNNING,
            lease_owner="dead:1",
            lease_until=datetime.now(tz=UTC) - timedelta(seconds=1),
        )
        work()

    job.refresh_from_db()
    assert job.state == JobState.DONE


@pytest.mark.each_database
def test_a_thread_works_until_the_worker_is_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(draining, "seconds", lambda: float(ended.is_set()))

    def last(_context: JobContext) -> None:
        if len(did) == 2:
            ended.set()

    with registered(PLAIN) as kind:
        do(last)
        for name in "abc":
            services.submit(kind, BucketFactory.create(name=name))
        database = shared_database(tmp_path)
        thread = loop.PoolThread(Pool.WORK, loop.Wakeup())

        def run() -> None:
            with using_database(database):
                thread.run()

        running = threading.Thread(target=run)
        running.start()
        running.join(timeout=30)

    assert not running.is_alive()
    assert did == ["a", "b"]


def test_an_idle_thread_looks_only_when_it_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    checks, wakeup = count(), loop.Wakeup()
    looks: list[Pool] = []

    def seconds() -> float:
        check = next(checks)
        if check == 10:
            wakeup.send()
        return float(check >= 19)

    monkeypatch.setattr(loop, "_IDLE_SECONDS", 0.001)
    monkeypatch.setattr(runner, "take_next", looks.append)
    monkeypatch.setattr(draining, "seconds", seconds)

    loop.PoolThread(Pool.WORK, wakeup).run()

    assert looks == [Pool.WORK, Pool.WORK]


def test_a_thread_survives_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def take_next(_pool: Pool) -> Job:
        looks.append(1)
        raise ValueError("odd")

    monkeypatch.setattr(runner, "take_next", take_next)
    monkeypatch.setattr(loop, "_OUTAGE_SECONDS", 0.0)
    monkeypatch.setattr(draining, "seconds", lambda: float(len(looks) == 3))

    loop.PoolThread(Pool.WORK, loop.Wakeup()).run()

    assert len(looks) == 3


def test_signals_drain_however_many_arrive_and_a_second_ctrl_c_ends() -> None:
    before = signal.getsignal(signal.SIGTERM)
    draining.forget()
    try:
        with loop.draining_on_signals():
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
                signal.raise_signal(number)
            assert draining.seconds() > 0
            assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    finally:
        draining.forget()

    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_reaches_another_thread_ends_the_wait_of_the_main_one() -> None:
    waited: list[bool] = []

    def work_until_told() -> None:
        sleep(0.2)  # until the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        end = monotonic() + 30.0
        while not draining.seconds() and monotonic() < end:
            sleep(0.01)
        waited.append(draining.seconds() > 0)

    draining.forget()
    try:
        with loop.draining_on_signals():
            thread = threading.Thread(target=work_until_told)
            thread.start()
            draining.join(thread)
    finally:
        draining.forget()

    assert waited == [True]


def test_a_signal_reaches_a_batch_worker_while_others_go_before() -> None:
    waited: list[bool] = []

    def work_of(context: JobContext) -> None:
        if context.subject.name == "all":
            person = BucketFactory.create(name="person")
            services.submit(context.kind, person, person_waits=True)
            context.report(0.5)
            return
        sleep(0.2)  # until the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        end = monotonic() + 30.0
        while not draining.seconds() and monotonic() < end:
            sleep(0.01)
        waited.append(draining.seconds() > 0)

    with registered(PLAIN, gives_way=True, priority=Priority.EVERYTHING) as kind:
        do(work_of)
        services.submit(kind, BucketFactory.create(name="all"))
        try:
            work()
        finally:
            draining.forget()

    assert did == ["all", "person"]
    assert waited == [True]


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="only SQLite says whether others changed the database"
)
def test_nothing_is_asked_while_nothing_can_be_due(tmp_path: Path) -> None:
    database = shared_database(tmp_path)

    def elsewhere(change: Callable[[], T]) -> T:
        def run() -> T:
            with using_database(database):
                return change()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(run).result(timeout=30)

    with registered(PLAIN) as kind, time_machine.travel(NOW, tick=False) as clock:
        later = NOW + timedelta(minutes=1)

        def looks() -> list[list[Pool]]:
            jobs = DueJobs([Pool.WORK, Pool.TALK])
            seen = [jobs.look()]
            with CaptureQueriesContext(connection) as queries:
                seen.append(jobs.look())
            assert [query["sql"] for query in queries] == ["PRAGMA data_version"]
            elsewhere(lambda: services.submit(kind, BucketFactory.create(), at=later))
            seen.append(jobs.look())
            clock.move_to(later)
            # The second time, the job waits for its lane.
            seen += [jobs.look(), jobs.look()]
            elsewhere(lambda: Job.objects.update(state=JobState.DONE))
            return [*seen, jobs.look()]

        assert elsewhere(looks) == [[], [], [], [Pool.WORK], [Pool.WORK], []]


def test_children_of_a_worker_know_that_it_is_stopping() -> None:
    draining.forget()
    child = os.fork()
    if child == 0:
        # The parent is told after the fork.
        end = monotonic() + 60.0
        while not draining.seconds() and monotonic() < end:
            sleep(0.01)
        os._exit(0 if draining.seconds() else 1)
    draining.begin()

    assert os.waitpid(child, 0)[1] == 0
    assert draining.seconds() > 0
    draining.forget()
    assert draining.seconds() == 0
