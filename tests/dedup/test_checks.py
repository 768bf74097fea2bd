"""Catalogue checks: run by a worker, stopped, resumed; shared loops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from accounts.models import User
from catalogue.models import Recording, RecordingStatus
from dedup import checking, checks, loop_actions, selectors
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
from tests.conftest import Catalogue, Worker
from tests.factories.catalogue import BucketFactory, RecordingFactory

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
        assert (check.status, check.total, check.done) == (
            RunStatus.DONE,
            compared,
            compared,
        )
    assert selectors.last_check() == again


def test_a_check_that_is_to_stop_stops_and_the_next_goes_on(
    catalogue: Catalogue, admin: User
) -> None:
    check = CatalogueCheck.objects.create(requested_by=admin, cancel_requested=True)

    checking.perform(check_id=check.pk, worker="one")

    check.refresh_from_db()
    assert check.status == RunStatus.CANCELLED
    following = CatalogueCheck.objects.create(requested_by=admin)
    checking.perform(check_id=following.pk, worker="one")
    assert CheckedRecording.objects.count() == 2


def test_a_check_whose_worker_died_is_handed_out_again(db: None) -> None:
    long_ago = datetime.now(tz=UTC) - timedelta(hours=1)
    check = CatalogueCheck.objects.create(
        status=RunStatus.RUNNING, lease_owner="gone", lease_until=long_ago
    )

    assert checks.requeue_stale_checks() == 1

    check.refresh_from_db()
    assert (check.status, check.lease_owner) == (RunStatus.WAITING, "")


def test_a_check_that_was_given_up_while_it_was_to_stop_goes_on(
    catalogue: Catalogue, admin: User, run_worker: Worker
) -> None:
    check = CatalogueCheck.objects.create(
        requested_by=admin, cancel_requested=True, status=RunStatus.FAILED
    )

    assert checks.resume_check(check=check, user=admin)
    run_worker()

    check.refresh_from_db()
    assert check.status == RunStatus.DONE


def test_a_check_waits_for_its_turn_in_the_queue(admin: User) -> None:
    check = CatalogueCheck.objects.create(requested_by=admin)
    long_ago = datetime.now(tz=UTC) - timedelta(hours=1)
    CatalogueCheck.objects.filter(pk=check.pk).update(created_at=long_ago)

    lost = checks.requeue_stale_checks()
    waiting = checks.requeue_stale_checks()

    assert (lost, waiting) == (1, 0)


def test_a_recording_that_is_retired_meanwhile_is_left_out(
    catalogue: Catalogue,
) -> None:
    Recording.objects.filter(pk=catalogue.first.pk).update(
        status=RecordingStatus.RETIRED
    )
    comparer = Comparer(catalogue.bucket)

    assert comparer.check(catalogue.first.pk) is None
    assert comparer.check(catalogue.second.pk) == 0


def shared(*recordings: Recording, kind: str = "", repeats: int = 1) -> None:
    """Link every recording with the next through a shared interval of eight seconds."""
    for one, other in pairwise(recordings):
        PairLink.objects.create(
            one=one,
            other=other,
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


@pytest.mark.parametrize(
    ("count", "owners", "loops"), [(5, 2, 1), (3, 2, 1), (3, 1, 0), (2, 2, 0)]
)
def test_a_stretch_in_three_recordings_of_two_owners_is_a_shared_loop(
    count: int, owners: int, loops: int
) -> None:
    found = recordings(count, owners=owners)
    shared(*found)

    assert find_loops(bucket=found[0].bucket) == loops
    assert find_loops(bucket=found[0].bucket) == loops
    assert SharedLoop.objects.count() == loops


def test_a_stretch_that_one_recording_repeats_is_a_shared_loop() -> None:
    found = recordings(2, owners=1)
    shared(*found, kind=DuplicateKind.SHARED_LOOP, repeats=6)

    assert find_loops(bucket=found[0].bucket) == 1


def test_a_loop_that_was_left_as_it_is_is_not_reported_again(admin: User) -> None:
    found = recordings(3, owners=3)
    shared(*found)
    find_loops(bucket=found[0].bucket)

    loop_actions.keep(loop=SharedLoop.objects.get(), user=admin)

    assert find_loops(bucket=found[0].bucket) == 0
    assert SharedLoop.objects.get().state == LoopState.KEPT
