"""Which files are compared, and when the work is asked for."""

from __future__ import annotations

import pytest

from base.accounts.models import User
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from base.jobs.services import cancel_subject
from plugins.monitoring.tests.unknown.station import (
    SONG,
    broadcast,
    places,
    scan_again,
    sound,
    work,
)
from plugins.monitoring.unknown import planning
from plugins.monitoring.unknown.jobs import COMPARE
from plugins.monitoring.unknown.models import KeptFile, KeptState, UnknownItem, UnknownPolicy
from recognition.fingerprints.file_format import to_bytes
from scanning.choices import EngineChoice, ScanStatus
from scanning.models import Container
from scanning.services.intake import submit_fingerprint
from tests.factories.scanning import ContainerFactory, ScanFactory, ScannedFileFactory
from tests.fixtures import Catalogue, Worker, upload

pytestmark = pytest.mark.django_db(transaction=True)


def waiting() -> int:
    return Job.objects.filter(kind=COMPARE.name, state=JobState.WAITING).count()


def test_what_scans_leave_unmatched_is_compared_at_once(
    catalogue: Catalogue, admin: User, run_worker: Worker
) -> None:
    for seeds in ((21, SONG), (22, SONG, 23)):
        submit_fingerprint(
            container=catalogue.container,
            upload=upload("programme.acrfp", to_bytes(sound(*seeds))),
            user=admin,
        )
    while run_next(Pool.WORK) is not None:
        pass

    item = UnknownItem.objects.get()
    assert [place[1:] for place in places(item)] == [(10, 30), (10, 30)]
    run_worker()
    work()
    assert UnknownItem.objects.get().searched_to is None


def test_only_files_with_a_scan_by_our_engine_are_compared() -> None:
    container = ContainerFactory.create()
    ScannedFileFactory.create(container=container)
    stored = broadcast(container, 11)
    for status, engine in [
        (ScanStatus.FAILED, EngineChoice.EMBEDDED),
        (ScanStatus.SUCCEEDED, EngineChoice.ACRCLOUD),
    ]:
        file = ScannedFileFactory.create(container=container, fingerprint="x")
        ScanFactory.create(scanned_file=file, status=status, engine=engine)
    # Where a policy says no, none is.
    silent: Container = ContainerFactory.create()
    UnknownPolicy.objects.create(container=silent, is_on=False)
    planning.note_scan(scan_again(broadcast(silent, 11), (0, 10_000)))

    planning.plan()

    assert [row.scanned_file for row in KeptFile.objects.all()] == [stored]


def test_planning_asks_for_what_is_due_only() -> None:
    container = ContainerFactory.create()
    files = [broadcast(container, 11), broadcast(container, 12)]
    planning.plan()
    planning.plan()
    assert waiting() == 2

    work()
    planning.plan()
    assert waiting() == 0

    scan_again(files[0], (0, 10_000))
    planning.plan()
    assert waiting() == 1

    # One that was cancelled waits for the next scan.
    kept_file = KeptFile.objects.get(scanned_file=files[0])
    cancel_subject(COMPARE, kept_file)
    planning.plan()
    assert waiting() == 0
    planning.note_scan(scan_again(files[0], (0, 9_000)))
    work()
    kept_file.refresh_from_db()
    assert (kept_file.state, kept_file.unmatched) == (KeptState.COMPARED, [[0, 9_000]])


def test_speech_is_no_unknown_sound() -> None:
    file = broadcast(ContainerFactory.create(), 11)
    scan = scan_again(file, (0, 10_000), (12_000, 15_000))
    scan.unmatched[0]["sound"] = "speech"
    scan.unmatched[1]["sound"] = "both"
    scan.save()

    planning.note_scan(scan)
    work()

    kept_file = KeptFile.objects.get()
    assert kept_file.unmatched == [[12_000, 15_000]]
    assert kept_file.unmatched_ms == 3_000
