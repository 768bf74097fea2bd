"""Catalogue checks: run by a worker, stopped, resumed; shared loops."""

from __future__ import annotations

from itertools import pairwise
from time import monotonic, sleep

import pytest

from base.accounts.models import User
from base.jobs import draining
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import cancel, reclaim
from catalogue.models import Recording, RecordingStatus
from dedup import checks, loop_actions, selectors
from dedup.comparing import Comparer
from dedup.loops import find_loops
from dedup.models import (
    CatalogueCheck,
    CheckedRecording,
    DuplicateKind,
    LoopState,
    PairLink,
    RunStatus,
    SharedLoop,
)
from dedup.services import CheckContext
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.fixtures import Catalogue, Worker
from tests.jobs.workers import lose_worker, take_over

pytestmark = pytest.mark.django_db


def test_a_worker_checks_what_is_new_and_only_that(
    catalogue: Catalogue, run_worker: Worker, admin: User
) -> None:
    first = checks.start_check(user=admin)
    with pytest.raises(checks.CheckUnderWay):
        checks.start_check(user=admin)
    run_worker()
    again = checks.start_check(user=admin)
    run_worker()

    for check, compared in ((first, 2), (again, 0)):
        check.refresh_from_db()
        assert (check.status, check.total, check.done) == (RunStatus.DONE, compared, compared)
    assert selectors.last_check() == again


def test_a_check_that_is_to_stop_stops_and_the_next_goes_on(
    catalogue: Catalogue, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = checks.start_check(user=admin)

    def go_on(watch: CheckContext, **_named: object) -> None:
        checks.cancel_check(check=check, user=admin)
        deadline = monotonic() + 120
        while monotonic() < deadline:
            watch.begin(1)
            sleep(0.05)
        pytest.fail("The check went on though it was cancelled.")

    with monkeypatch.context() as patched:
        patched.setattr(checks, "find_duplicates", go_on)
        run_next(Pool.WORK)

    check.refresh_from_db()
    assert check.status == RunStatus.CANCELLED
    assert check.finished_at is not None
    checks.start_check(user=admin)
    run_next(Pool.WORK)
    assert CheckedRecording.objects.count() == 2


def test_a_waiting_check_is_cancelled_at_once(admin: User) -> None:
    check = checks.start_check(user=admin)

    assert checks.cancel_check(check=check, user=admin)
    assert not checks.cancel_check(check=check, user=admin)

    check.refresh_from_db()
    assert check.status == RunStatus.CANCELLED
    assert check.finished_at is not None


def test_a_check_whose_worker_died_is_handed_out_again_but_not_for_ever(
    catalogue: Catalogue, admin: User
) -> None:
    check = checks.start_check(user=admin)
    lose_worker("catalogue_check")

    assert reclaim() == 1

    check.refresh_from_db()
    assert check.status == RunStatus.WAITING
    run_next(Pool.WORK)
    check.refresh_from_db()
    assert (check.status, check.done) == (RunStatus.DONE, 2)

    check = checks.start_check(user=admin)
    lose_worker("catalogue_check", attempts=5)
    reclaim()
    check.refresh_from_db()
    assert (check.status, check.message) == (RunStatus.FAILED, "Its worker died or hung 5 times.")
    assert check.finished_at is not None


def test_a_check_is_handed_back_at_shutdown_and_a_worker_that_lost_it_counts_nothing(
    catalogue: Catalogue, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = checks.start_check(user=admin)
    with monkeypatch.context() as draining_soon:
        draining_soon.setattr(draining, "seconds", lambda: 1.0)
        run_next(Pool.WORK)

    check.refresh_from_db()
    assert check.status == RunStatus.WAITING
    assert Job.objects.get(kind="catalogue_check").attempts == 0

    def lose_it(watch: CheckContext, **_named: object) -> None:
        take_over(Job.objects.get(kind="catalogue_check"))
        watch.begin(99)

    monkeypatch.setattr(checks, "find_duplicates", lose_it)
    run_next(Pool.WORK)

    check.refresh_from_db()
    assert (check.status, check.total) == (RunStatus.RUNNING, 0)
    assert Job.objects.get(kind="catalogue_check").lease_owner == "other:2"


def test_a_failed_check_goes_on_but_not_beside_another(catalogue: Catalogue, admin: User) -> None:
    for is_forgotten in (True, False):
        check = checks.start_check(user=admin)
        of_check = Job.objects.filter(kind="catalogue_check", subject=check.pk)
        cancel(of_check.get())
        CatalogueCheck.objects.filter(pk=check.pk).update(
            status=RunStatus.FAILED, message="It broke."
        )
        of_check.update(state=JobState.FAILED, cancel_requested=True)
        if is_forgotten:
            of_check.delete()

        assert checks.resume_check(check=check, user=admin)
        assert not checks.resume_check(check=check, user=admin)
        run_next(Pool.WORK)

        check.refresh_from_db()
        assert (check.status, check.message) == (RunStatus.DONE, "")

    failed = CatalogueCheck.objects.create(status=RunStatus.FAILED)
    checks.start_check(user=admin)
    with pytest.raises(checks.CheckUnderWay):
        checks.resume_check(check=failed, user=admin)
    failed.refresh_from_db()
    assert failed.status == RunStatus.FAILED


def test_a_recording_that_is_retired_meanwhile_is_left_out(catalogue: Catalogue) -> None:
    Recording.objects.filter(pk=catalogue.first.pk).update(status=RecordingStatus.RETIRED)
    comparer = Comparer(catalogue.bucket)

    assert comparer.compare(catalogue.first.pk) is None
    second = comparer.compare(catalogue.second.pk)
    assert second is not None
    assert second.pairs == 0


def shared(*recordings: Recording, kind: str = "", repeats: int = 1) -> None:
    """Link every recording with the next through a shared interval of eight seconds."""
    for recording, other_recording in pairwise(recordings):
        PairLink.objects.create(
            one=recording,
            other=other_recording,
            kind=kind,
            runs=[
                [10_000, 18_000, 20_000 * n, 20_000 * n + 8_000, 1.0, 0.0, 90.0]
                if n
                else [10_000, 18_000, 10_000, 18_000, 1.0, 0.0, 90.0]
                for n in range(repeats)
            ],
        )


def recordings(count: int, *, owners: int) -> list[Recording]:
    bucket = BucketFactory.create()
    return [
        RecordingFactory.create(bucket=bucket, artists=[f"Artist {number % owners}"])
        for number in range(count)
    ]


def test_an_interval_in_three_recordings_of_two_owners_is_a_shared_loop(admin: User) -> None:
    for count, owners, loops in ((5, 2, 1), (3, 2, 1), (3, 1, 0), (2, 2, 0)):
        detected = recordings(count, owners=owners)
        shared(*detected)
        number = SharedLoop.objects.count()

        assert find_loops(bucket=detected[0].bucket) == loops
        assert find_loops(bucket=detected[0].bucket) == loops
        assert SharedLoop.objects.count() == number + loops

    # So is an interval that one recording repeats.
    detected = recordings(2, owners=1)
    shared(*detected, kind=DuplicateKind.SHARED_LOOP, repeats=6)
    assert find_loops(bucket=detected[0].bucket) == 1
    # One that was left as it is is not reported again.
    loop = SharedLoop.objects.latest("pk")
    loop_actions.keep(loop=loop, user=admin)
    assert find_loops(bucket=detected[0].bucket) == 0
    loop.refresh_from_db()
    assert loop.state == LoopState.KEPT
