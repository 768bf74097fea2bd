"""The order of jobs: people first, lanes in turn, limits, no duplicates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from base.accounts.reach import working_for
from base.accounts.roles import Role
from base.jobs import services
from base.jobs.choices import JobState, Pool, Priority
from base.jobs.context import JobContext
from base.jobs.kinds import Kind, all_kinds
from base.jobs.models import Job
from base.jobs.runner import run_next
from catalogue.models import Bucket
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.jobs.work import MIRRORED, PLAIN, did, do, registered


def first_letter(bucket: Bucket) -> str:
    """Return a lane: the first letter of the bucket's name."""
    return bucket.name[0]


def run_all() -> list[str]:
    while run_next(Pool.WORK) is not None:
        pass
    return did


def test_lanes_take_turns(db: None) -> None:
    with registered(PLAIN, lane=first_letter) as kind:
        for name in ("a1", "a2", "a3", "b1", "a4", "b2", "c1"):
            services.submit(kind, BucketFactory.create(name=name))

        order = run_all()

    # A new lane joins at the current turn.
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_a_persons_bulk_does_not_go_first(plain: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PERSON_CAP", 3)
    ana, ben = make_user(Role.REVIEWER), make_user(Role.REVIEWER)
    for number in range(5):
        bucket = BucketFactory.create(name=f"ana {number}")
        services.submit(plain, bucket, user=ana, person_waits=True)
    services.submit(plain, BucketFactory.create(name="usual"))
    bens = BucketFactory.create(name="ben")
    services.submit(plain, bens, user=ben, person_waits=True)

    # Within the cap people take turns, and beyond it with all others.
    assert run_all() == [*("ana 0", "ben", "ana 1", "ana 2"), *("ana 3", "usual", "ana 4")]


@pytest.mark.parametrize(
    "kind", [kind for kind in all_kinds() if kind.every is None], ids=lambda k: k.name
)
def test_jobs_of_each_kind_take_turns_between_people(
    db: None, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PERSON_CAP", 3)
    ana, ben = make_user(Role.REVIEWER), make_user(Role.REVIEWER)
    alike = replace(
        kind,
        name="test_alike",
        model=Bucket,
        mirror={},
        key=PLAIN.key,
        duty=PLAIN.duty,
        lane=kind.lane and (lambda _subject: "same"),
    )
    with registered(alike):
        for number in range(services.PERSON_CAP + 2):
            row = Bucket(pk=10_000 + number)
            services.submit(alike, row, user=ana)
        services.submit(alike, Bucket(pk=20_000), user=ben)

        jobs = Job.objects.filter(kind=alike.name).order_by("-priority", "turn", "pk")
        places = list(jobs.values_list("requested_by", flat=True))

    # Ana's only goes before as the first of equals.
    assert places.index(ben.pk) == 1
    hurried = Job.objects.filter(priority=Priority.PERSON, requested_by=ana)
    assert hurried.count() <= services.PERSON_CAP


def test_lanes_of_one_person_take_turns_too(db: None) -> None:
    ana, ben = make_user(Role.REVIEWER), make_user(Role.REVIEWER)
    with registered(PLAIN, lane=first_letter) as kind:
        for user, name in (*((ana, "a1"), (ana, "a2"), (ana, "a3")), *((ana, "b1"), (ben, "a4"))):
            services.submit(kind, BucketFactory.create(name=name), user=user)

        assert run_all() == ["a1", "b1", "a4", "a2", "a3"]


def test_what_a_job_asks_for_is_asked_by_the_person_behind_it(plain: Kind) -> None:
    ana = make_user(Role.REVIEWER)
    with registered(MIRRORED) as after:

        def ask(_context: JobContext) -> None:
            services.submit(after, RecordingFactory.create())

        do(ask)
        services.submit(plain, BucketFactory.create(), user=ana)
        run_next(Pool.WORK)

        assert Job.objects.get(kind=after.name).requested_by == ana


def test_who_is_at_work_has_asked(plain: Kind) -> None:
    ana = make_user(Role.REVIEWER)
    with working_for(ana):
        job = services.submit(plain, BucketFactory.create())

    assert job.requested_by == ana


def test_failed_jobs_that_are_tried_again_do_not_go_before_others(plain: Kind) -> None:
    ana, ben = make_user(Role.REVIEWER), make_user(Role.REVIEWER)
    names = [f"ana {number}" for number in range(4)]
    failed = [services.submit(plain, BucketFactory.create(name=name), user=ana) for name in names]
    Job.objects.update(state=JobState.FAILED)
    for number in range(3):
        bucket = BucketFactory.create(name=f"ben {number}")
        services.submit(plain, bucket, user=ben)
    for job in failed:
        job.refresh_from_db()
        assert services.try_again(job)

    assert run_all()[:4] == ["ana 0", "ben 0", "ana 1", "ben 1"]


def test_the_same_work_is_asked_for_once(plain: Kind) -> None:
    bucket = BucketFactory.create()
    first = services.submit(plain, bucket)
    again = services.submit(plain, bucket, person_waits=True)

    assert again == first
    assert again.priority == Priority.PERSON
    run_all()
    assert services.submit(plain, bucket) != first


def test_a_job_waits_for_its_time_unless_asked_for_sooner(plain: Kind) -> None:
    bucket = BucketFactory.create()
    later = datetime.now(tz=UTC) + timedelta(hours=1)
    services.submit(plain, bucket, at=later)
    assert run_all() == []

    services.submit(plain, bucket)

    assert run_all() == [bucket.name]


def test_no_more_of_a_kind_run_than_the_setting_allows(plain: Kind, settings: Settings) -> None:
    settings.ACRPORTAL_JOBS_AT_ONCE = {plain.name: 1}
    running = services.submit(plain, BucketFactory.create())
    services.submit(plain, BucketFactory.create(name="next"))
    Job.objects.filter(pk=running.pk).update(state=JobState.RUNNING)

    assert run_next(Pool.WORK) is None
    Job.objects.filter(pk=running.pk).update(state=JobState.DONE)
    assert run_all() == ["next"]


def test_no_more_of_a_lane_run_than_its_limit(db: None) -> None:
    with registered(PLAIN, lane=first_letter, lane_limit=lambda: 1) as kind:
        busy = services.submit(kind, BucketFactory.create(name="a1"))
        for name in ("a2", "b1"):
            services.submit(kind, BucketFactory.create(name=name))
        Job.objects.filter(pk=busy.pk).update(state=JobState.RUNNING)

        assert run_all() == ["b1"]


def test_jobs_of_rows_can_be_held_back_and_brought_forward(plain: Kind) -> None:
    for name in ("away", "also away", "here"):
        services.submit(plain, BucketFactory.create(name=name))
    away = Bucket.objects.filter(name__endswith="away")
    until = datetime.now(tz=UTC) + timedelta(days=1)

    assert services.hold_back(plain, away, until=until) == 2
    assert run_all() == ["here"]

    assert services.bring_forward(plain, away) == 2
    assert run_all() == ["here", "away", "also away"]
