"""Jobs that a process does itself while somebody waits, and jobs asked for by subject."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from base.jobs import context as contexts
from base.jobs import services
from base.jobs.choices import JobState, Pool
from base.jobs.errors import Cancelled, Failed, Retry
from base.jobs.kinds import Kind
from base.jobs.models import Job
from base.jobs.runner import here, run_next
from catalogue.models import RecordingStatus
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.jobs.work import MIRRORED, PLAIN, did, do, registered


def test_the_process_does_its_own_job(mirrored: Kind) -> None:
    recording = RecordingFactory.create()
    job = services.begin_here(mirrored, recording)
    recording.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.RUNNING, 1)
    assert recording.status == RecordingStatus.PROCESSING
    assert run_next(Pool.WORK) is None

    with here(job) as context:
        context.report(0.5)
        context.finish(title="Heard")

    job.refresh_from_db()
    recording.refresh_from_db()
    assert (job.state, did) == (JobState.DONE, [])
    assert (recording.status, recording.title) == (RecordingStatus.READY, "Heard")


@pytest.mark.parametrize(
    ("error", "state", "cause"),
    [
        (Failed("odd", "It was odd."), JobState.FAILED, "It was odd."),
        (ValueError("odd"), JobState.FAILED, "An error stopped it: ValueError: odd"),
        (Cancelled(), JobState.CANCELLED, ""),
    ],
)
def test_what_stops_it_is_kept_and_told(
    mirrored: Kind, error: Exception, state: JobState, cause: str
) -> None:
    job = services.begin_here(mirrored, RecordingFactory.create())

    with pytest.raises(type(error)), here(job):
        raise error

    job.refresh_from_db()
    assert (job.state, job.cause) == (state, cause)
    assert run_next(Pool.WORK) is None


def test_a_worker_does_the_job_of_a_process_that_died(plain: Kind) -> None:
    job = services.begin_here(plain, BucketFactory.create(name="left"))
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    Job.objects.update(lease_until=past)

    services.reclaim()
    run_next(Pool.WORK)

    with pytest.raises(ValueError, match="late"), here(job):
        raise ValueError("late")
    job.refresh_from_db()
    assert (job.state, job.attempts, did) == (JobState.DONE, 2, ["left"])


def test_a_person_may_pause_for_long(plain: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "_SILENCE_SECONDS", -1.0)
    job = services.begin_here(plain, BucketFactory.create())
    with here(job) as context:
        services.cancel(job)
        context.beat()
        with pytest.raises(Cancelled):
            context.report()


def test_a_foreseen_failure_tells_its_cause_and_waits_as_its_kind_says(db: None) -> None:
    pauses = (timedelta(minutes=1), timedelta(hours=5))
    with registered(
        MIRRORED, max_attempts=lambda: 2, pause=lambda attempts: pauses[attempts - 1]
    ) as kind:
        recording = RecordingFactory.create()
        job = services.submit(kind, recording)

        def refuse(_context: object) -> None:
            raise Retry("It is asleep. " * 50)

        do(refuse)
        run_next(Pool.WORK)
        job.refresh_from_db()
        recording.refresh_from_db()
        assert job.run_after > datetime.now(tz=UTC) + timedelta(seconds=50)
        assert recording.status == RecordingStatus.WAITING
        assert recording.status_message == job.cause[:500]
        Job.objects.update(run_after=datetime.now(tz=UTC))
        run_next(Pool.WORK)

    job.refresh_from_db()
    assert (job.state, job.code) == (JobState.FAILED, "gave_up")
    assert job.cause.startswith("It is asleep.")


def test_work_is_cancelled_and_tried_again_by_its_subject(db: None) -> None:
    with registered(PLAIN) as kind:
        bucket = BucketFactory.create(name="one")
        assert not services.cancel_subject(kind, bucket)
        services.submit(kind, bucket)
        assert services.cancel_subject(kind, bucket)

        def fail_first(_context: object) -> None:
            if len(did) == 1:
                raise Failed("odd", "It was odd.")

        do(fail_first)
        failed = services.submit(kind, bucket)
        run_next(Pool.WORK)
        assert services.try_subject_again(kind, bucket)
        run_next(Pool.WORK)
        failed.refresh_from_db()
        assert (failed.state, failed.attempts) == (JobState.DONE, 1)

        Job.objects.all().delete()
        assert services.try_subject_again(kind, bucket)
        run_next(Pool.WORK)
    assert did == ["one"] * 3
