"""The outcomes of a job: done, failed, retried, postponed, cancelled."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from math import inf

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils.module_loading import import_string
from pytest_django import Settings

from base.accounts.roles import Role
from base.common.databases import consistent_read
from base.jobs import draining, services
from base.jobs.choices import JobState, Pool, Priority
from base.jobs.context import JobContext
from base.jobs.errors import Blocked, Failed, Retry
from base.jobs.kinds import Kind, all_kinds
from base.jobs.listing import list_jobs
from base.jobs.models import Job
from base.jobs.runner import run_next
from catalogue.models import Recording, RecordingStatus
from recognition.errors import IndexUnavailable
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.jobs.work import MIRRORED, PLAIN, did, do, registered
from tests.jobs.workers import lose_worker

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


def run() -> Job:
    job = run_next(Pool.WORK)
    assert job is not None
    job.refresh_from_db()
    return job


def test_every_kind_names_work_that_is_there() -> None:
    assert [kind.name for kind in all_kinds()]
    for kind in all_kinds():
        assert callable(import_string(kind.work))


def test_a_job_is_done_once(plain: Kind) -> None:
    services.submit(plain, BucketFactory.create(name="one"))

    done = run()

    assert (done.state, done.progress, done.attempts) == (JobState.DONE, 100, 1)
    assert done.finished_at is not None
    assert did == ["one"]
    assert run_next(Pool.WORK) is None
    assert run_next(Pool.TALK) is None


def test_the_state_shows_in_the_subject(mirrored: Kind) -> None:
    recording = RecordingFactory.create()
    services.submit(mirrored, recording)
    seen = []

    def look(context: JobContext) -> None:
        recording.refresh_from_db()
        seen.append(recording.status)
        context.finish(title="Heard")

    recording.refresh_from_db()
    before = recording.status
    do(look)
    run()

    recording.refresh_from_db()
    assert before == RecordingStatus.WAITING
    assert seen == [RecordingStatus.PROCESSING]
    assert (recording.status, recording.title) == (RecordingStatus.READY, "Heard")


def test_work_that_cannot_succeed_fails_with_a_cause_that_fits_the_subject(mirrored: Kind) -> None:
    recording = RecordingFactory.create()
    services.submit(mirrored, recording)

    def fail(_context: JobContext) -> None:
        raise Failed("too_short", "x" * 2000)

    do(fail)
    failed = run()
    recording.refresh_from_db()

    assert (failed.state, failed.code) == (JobState.FAILED, "too_short")
    assert failed.cause == "x" * 1000
    assert recording.status == RecordingStatus.ERROR
    assert recording.status_message == "x" * 500


def test_a_status_that_jobs_may_not_change_stays(db: None) -> None:
    with registered(MIRRORED, keeps=frozenset({RecordingStatus.RETIRED})) as kind:
        recording = RecordingFactory.create()
        services.submit(kind, recording)
        Recording.objects.update(status=RecordingStatus.RETIRED)
        do(lambda context: context.finish(title="Heard"))

        assert run().state == JobState.DONE

    recording.refresh_from_db()
    assert recording.status == RecordingStatus.RETIRED
    assert recording.title != "Heard"


def test_unexpected_failures_are_tried_again_with_growing_pauses(
    mirrored: Kind, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_ATTEMPTS = 3
    recording = RecordingFactory.create()
    with time_machine.travel(NOW, tick=False) as clock:
        services.submit(mirrored, recording)

        def break_down(_context: JobContext) -> None:
            raise ValueError("odd\0sound")

        do(break_down)
        pauses = []
        for _ in range(2):
            job = run()
            recording.refresh_from_db()
            assert job.state == JobState.WAITING
            assert recording.status == RecordingStatus.WAITING
            assert recording.status_message == job.cause
            pauses.append(job.run_after - datetime.now(tz=UTC))
            assert run_next(Pool.WORK) is None
            clock.shift(pauses[-1])
        last = run()

    assert pauses == [timedelta(seconds=30), timedelta(seconds=60)]
    assert (last.state, last.code, last.attempts) == (JobState.FAILED, "gave_up", 3)
    assert last.cause == "It failed 3 times. The last time: ValueError: oddsound"


def test_a_kind_without_a_limit_is_tried_for_ever(db: None) -> None:
    with (
        registered(PLAIN, max_attempts=lambda: None) as kind,
        time_machine.travel(NOW, tick=False) as clock,
    ):
        services.submit(kind, BucketFactory.create())

        def break_down(_context: JobContext) -> None:
            raise Retry("Not yet.")

        do(break_down)
        for _ in range(12):
            assert run().state == JobState.WAITING
            clock.shift(timedelta(hours=1))


def test_work_that_waits_does_not_use_up_its_attempts(plain: Kind) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        services.submit(plain, BucketFactory.create())

        def poll(context: JobContext) -> None:
            if datetime.now(tz=UTC) < NOW + timedelta(hours=10):
                context.wait_until(datetime.now(tz=UTC) + timedelta(hours=1), "No result")

        do(poll)
        for _ in range(10):
            job = run()
            assert (job.state, job.attempts, job.cause) == ("waiting", 0, "No result")
            clock.shift(timedelta(hours=1))
        assert run().state == JobState.DONE


def test_a_resource_that_is_away_blocks_the_kinds_that_need_it(db: None) -> None:
    with (
        registered(PLAIN, needs=frozenset({"server"})) as needing,
        registered(MIRRORED) as other_kind,
        time_machine.travel(NOW, tick=False),
    ):
        services.submit(needing, BucketFactory.create(name="first"))
        services.submit(needing, BucketFactory.create(name="second"))
        services.submit(other_kind, RecordingFactory.create(title="third"))

        def miss(_context: JobContext) -> None:
            if len(did) == 1:
                raise Blocked("server")

        do(miss)
        blocked = run()
        run()

        assert (blocked.state, blocked.attempts) == (JobState.WAITING, 0)
        assert blocked.blocked_by == "server"
        assert did[0] == "first"
        assert did[1].startswith("third")
        assert run_next(Pool.WORK) is None


def test_an_index_that_is_away_is_a_resource(plain: Kind) -> None:
    services.submit(plain, BucketFactory.create())

    def search(_context: JobContext) -> None:
        raise IndexUnavailable("connection refused")

    do(search)
    job = run()

    assert (job.state, job.attempts, job.blocked_by) == ("waiting", 0, "index")


def test_a_running_job_is_cancelled_at_its_next_report(plain: Kind) -> None:
    services.submit(plain, BucketFactory.create())

    def go_on(context: JobContext) -> None:
        context.report(0.25, "reading")
        assert services.cancel(context.job)
        context.report(0.5)
        pytest.fail("The work went on after it was cancelled.")

    do(go_on)
    job = run()

    assert (job.state, job.stage) == (JobState.CANCELLED, "reading")
    assert not services.cancel(job)


def test_a_waiting_job_is_cancelled_at_once_and_its_package_is_told(db: None) -> None:
    ends = []

    def note(subject: object, state: JobState, code: str, cause: str) -> None:
        ends.append((str(subject), state, code, cause))

    with registered(MIRRORED, on_end=note) as kind:
        recording = RecordingFactory.create(title="Tune")
        job = services.submit(kind, recording)

        assert services.cancel(job)

        assert run_next(Pool.WORK) is None
    assert ends == [(str(recording), JobState.CANCELLED, "", "")]


@pytest.mark.parametrize("error", [Retry("Not yet."), ValueError("odd")])
def test_a_job_that_fails_while_it_is_cancelled_does_not_come_back(
    plain: Kind, error: Exception
) -> None:
    services.submit(plain, BucketFactory.create())

    def fail(context: JobContext) -> None:
        assert services.cancel(context.job)
        raise error

    do(fail)

    assert run().state == JobState.CANCELLED


def test_a_cancelled_job_whose_worker_dies_ends(mirrored: Kind) -> None:
    recording = RecordingFactory.create()
    job = services.submit(mirrored, recording)
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING,
        lease_owner="gone:1",
        lease_until=datetime.now(tz=UTC) - timedelta(seconds=1),
        attempts=1,
    )
    assert services.cancel(job)

    assert services.reclaim() == 1

    job.refresh_from_db()
    assert (job.state, job.lease_owner) == (JobState.CANCELLED, "")
    assert services.reclaim() == 0


def test_a_lost_job_that_cannot_be_ended_keeps_no_other_waiting(db: None) -> None:
    def refuse(*_message: object) -> None:
        raise ValueError("its row cannot be told")

    with registered(PLAIN, on_end=refuse) as kind:
        for name in ("cannot be ended", "goes on"):
            services.submit(kind, BucketFactory.create(name=name))
        lose_worker(kind.name)
        first, second = Job.objects.order_by("pk")
        Job.objects.filter(pk=first.pk).update(cancel_requested=True)

        assert services.reclaim() == 1

    second.refresh_from_db()
    assert second.state == JobState.WAITING


def test_a_worker_that_shuts_down_hands_long_work_back(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registered(PLAIN, hand_back_after=10.0) as kind:
        services.submit(kind, BucketFactory.create())
        monkeypatch.setattr(draining, "seconds", lambda: 11.0)
        do(lambda context: context.report(0.9))

        job = run()

    assert (job.state, job.attempts, job.progress) == (JobState.WAITING, 0, 0)


def test_a_worker_that_lost_its_job_writes_nothing(mirrored: Kind) -> None:
    recording = RecordingFactory.create(title="Tune")
    services.submit(mirrored, recording)

    def sleep_too_long(context: JobContext) -> None:
        # The lease runs out, and another worker takes the job.
        Job.objects.update(lease_until=datetime.now(tz=UTC) - timedelta(seconds=1))
        assert services.reclaim() == 1
        Job.objects.update(state=JobState.RUNNING, lease_owner="another:1", attempts=2)
        context.finish(title="Overwritten")

    do(sleep_too_long)
    job = run()

    recording.refresh_from_db()
    assert (job.state, job.lease_owner) == (JobState.RUNNING, "another:1")
    assert recording.title == "Tune"


def test_a_job_whose_workers_die_is_given_up(mirrored: Kind, settings: Settings) -> None:
    settings.ACRPORTAL_MAX_ATTEMPTS = 2
    recording = RecordingFactory.create()
    job = services.submit(mirrored, recording)
    states = []
    for attempt in (1, 2):
        Job.objects.filter(pk=job.pk).update(
            state=JobState.RUNNING,
            lease_owner="gone:1",
            lease_until=datetime.now(tz=UTC) - timedelta(seconds=1),
            attempts=attempt,
        )
        assert services.reclaim() == 1
        job.refresh_from_db()
        states.append(job.state)

    recording.refresh_from_db()
    assert states == [JobState.WAITING, JobState.FAILED]
    assert job.cause == "Its worker died or hung 2 times."
    assert recording.status == RecordingStatus.ERROR


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OperationalError("database or disk is full"),
    ],
)
def test_a_job_that_finds_no_room_waits_and_loses_no_attempt(
    plain: Kind, settings: Settings, error: Exception
) -> None:
    settings.ACRPORTAL_MAX_ATTEMPTS = 1
    services.submit(plain, BucketFactory.create())

    def fill_up(_context: JobContext) -> None:
        raise error

    do(fill_up)
    job = run()

    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    (listed_job,) = list_jobs(state=JobState.WAITING, kind=plain.name)
    assert listed_job.why.startswith("The disk is full. Free some space; the job is tried again")
    assert job.run_after > datetime.now(tz=UTC)


def test_a_job_about_something_deleted_is_cancelled(plain: Kind) -> None:
    bucket = BucketFactory.create()
    services.submit(plain, bucket)
    bucket.delete()

    job = run()

    assert (job.state, did) == (JobState.CANCELLED, [])


def test_a_job_of_an_unknown_kind_waits_for_a_portal_that_knows_it(plain: Kind) -> None:
    services.submit(plain, BucketFactory.create(name="one"))
    Job.objects.update(kind="of_another_version")

    job = run()
    Job.objects.update(kind=PLAIN.name)
    with time_machine.travel(job.run_after):
        done = run()

    assert (job.state, job.attempts) == (JobState.WAITING, 0)
    assert (done.state, did) == (JobState.DONE, ["one"])


def test_long_work_gives_way_to_people(db: None) -> None:
    with registered(PLAIN, gives_way=True, priority=Priority.EVERYTHING) as slow:
        services.submit(slow, BucketFactory.create(name="all"))

        def give_way(context: JobContext) -> None:
            if context.subject.name == "all":
                services.submit(slow, BucketFactory.create(name="person"), person_waits=True)
                context.report(0.5)
                did.append("rest")

        do(give_way)
        run()

    assert did == ["all", "person", "rest"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite in memory lets nobody write while it is read"
)
def test_work_that_reads_a_snapshot_gives_way_to_people() -> None:
    with registered(PLAIN, gives_way=True, priority=Priority.EVERYTHING) as slow:
        services.submit(slow, BucketFactory.create(name="all"))

        def read(context: JobContext) -> None:
            if context.subject.name == "all":
                services.submit(slow, BucketFactory.create(name="person"), person_waits=True)
                context.beat()
                with consistent_read():
                    context.report(0.5)
                did.append("rest")

        do(read)
        assert run().state == JobState.DONE

    assert did == ["all", "person", "rest"]


def test_the_lease_is_kept_while_those_who_go_before_report(db: None) -> None:
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    slow: list[JobContext] = []
    ends = []

    def work(context: JobContext) -> None:
        if not slow:
            slow.append(context)
            person = BucketFactory.create(name="person")
            services.submit(context.kind, person, person_waits=True)
            context.report()
            return
        mine = Job.objects.filter(pk=slow[0].job.pk)
        for reports in (False, True):
            mine.update(lease_until=past)
            # For longer than work may be silent.
            slow[0]._reported_at = slow[0]._renewed_at = -inf
            if reports:
                context.report()
            slow[0].beat()
            ends.append(mine.get().lease_until)

    with registered(PLAIN, gives_way=True, priority=Priority.EVERYTHING) as kind:
        do(work)
        services.submit(kind, BucketFactory.create(name="all"))
        assert run().state == JobState.DONE

    assert did == ["all", "person"]
    assert ends[0] == past
    assert ends[1] is not None
    assert ends[1] > datetime.now(tz=UTC)


def test_a_worker_that_stops_lets_nobody_go_before(db: None) -> None:
    with registered(PLAIN, gives_way=True, priority=Priority.EVERYTHING) as slow:

        def give_way(context: JobContext) -> None:
            person = BucketFactory.create(name="person")
            services.submit(slow, person, person_waits=True)
            draining.begin()
            context.report(0.5)

        do(give_way)
        services.submit(slow, BucketFactory.create(name="all"))
        try:
            assert run().state == JobState.DONE
        finally:
            draining.forget()

    assert did == ["all"]


def test_a_failed_job_can_be_tried_again(mirrored: Kind) -> None:
    recording = RecordingFactory.create()
    services.submit(mirrored, recording)

    def fail_first(_context: JobContext) -> None:
        if len(did) == 1:
            raise Failed("odd", "It was odd.")

    do(fail_first)
    failed = run()

    assert services.try_again(failed)
    assert run().state == JobState.DONE
    assert not services.try_again(failed)


def test_a_failed_job_is_not_tried_again_beside_an_open_one(plain: Kind) -> None:
    bucket = BucketFactory.create()
    failed = services.submit(plain, bucket)
    Job.objects.update(state=JobState.FAILED)
    services.submit(plain, bucket, user=make_user(Role.ADMIN))

    assert not services.try_again(failed)


def test_old_jobs_are_forgotten(plain: Kind) -> None:
    jobs = [services.submit(plain, BucketFactory.create()) for _ in range(5)]
    now = datetime.now(tz=UTC)
    ages = [(JobState.DONE, 8), (JobState.DONE, 6), (JobState.FAILED, 15), (JobState.FAILED, 13)]
    for job, (state, days) in zip(jobs, ages, strict=False):
        Job.objects.filter(pk=job.pk).update(state=state, finished_at=now - timedelta(days=days))

    assert services.prune() == 2
    assert set(Job.objects.all()) == {jobs[1], jobs[3], jobs[4]}
