"""The changes of a rescan on the file's page: found, lost, changed and the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.models import Recording
from review import scan_diff
from review.scan_diff import ScanChange
from review.services.folding import fold_scan
from scanning.choices import EngineChoice, ScanStatus
from scanning.models import Scan, ScannedFile
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

SPAN = (70_000, 90_000, 5_000, 25_000)
MOVED = (200_000, 220_000, 5_000, 25_000)


@pytest.fixture
def file() -> ScannedFile:
    return ScannedFileFactory.create()


def scan(
    file: ScannedFile, plays: dict[Recording, tuple[int, int, int, int]], **fields: object
) -> Scan:
    made = ScanFactory.create(scanned_file=file, **fields)
    for recording, interval in plays.items():
        make_detection(interval, scan=made, recording=recording, score=Decimal("90.0"))
    fold_scan(scan=made)
    return made


def test_each_recording_is_found_lost_changed_or_the_same(file: ScannedFile) -> None:
    recording, moved, lost, new, stays = (RecordingFactory.create() for _ in range(5))
    merged = RecordingFactory.create()
    first = scan(file, {recording: SPAN, moved: SPAN, lost: SPAN, merged: MOVED})
    merged.merged_into, merged.status = stays, "retired"
    merged.save()
    second = scan(file, {recording: SPAN, moved: MOVED, new: SPAN, stays: MOVED})

    diff = scan_diff.compare(second)

    assert diff is not None
    assert diff.previous == first
    assert {row.recording: row.change for row in diff.rows} == {
        new: ScanChange.FOUND,
        lost: ScanChange.LOST,
        moved: ScanChange.CHANGED,
        recording: ScanChange.SAME,
        stays: ScanChange.SAME,
    }
    assert diff.counts == {"found": 1, "lost": 1, "changed": 1, "same": 2}
    assert [row.change for row in diff.rows] == [*ScanChange, ScanChange.SAME]


def test_recordings_merged_into_one_compare_as_one(file: ScannedFile) -> None:
    recording, other_recording, stays = (RecordingFactory.create() for _ in range(3))
    scan(file, {recording: SPAN, other_recording: MOVED})
    for merged in (recording, other_recording):
        merged.merged_into, merged.status = stays, "retired"
        merged.save()
    both = SPAN[0], MOVED[1], *SPAN[2:]
    second = scan(file, {stays: both})

    diff = scan_diff.compare(second)

    assert diff is not None
    [row] = diff.rows
    assert (row.recording, row.change) == (stays, ScanChange.CHANGED)
    assert row.before is not None
    assert row.before.matched_ms == 40_000


def test_a_scan_is_compared_with_the_last_of_its_engine_that_succeeded(file: ScannedFile) -> None:
    recording = RecordingFactory.create()
    scan(file, {recording: SPAN}, engine=EngineChoice.ACRCLOUD)
    first = scan(file, {recording: (0, 20_000, 0, 20_000)})
    assert scan_diff.compare(first) is None
    failed = ScanFactory.create(scanned_file=file, status=ScanStatus.FAILED)
    assert scan_diff.compare(failed) is None
    # A little less overlap is still the same.
    last = scan(file, {recording: (1_000, 20_000, 1_000, 20_000)})

    diff = scan_diff.compare(last)

    assert diff is not None
    assert diff.previous == first
    assert diff.counts["same"] == 1


def test_page_of_the_file_shows_the_newest_or_the_asked(
    file: ScannedFile, signed_in: MakeClient
) -> None:
    recording, lost = RecordingFactory.create(), RecordingFactory.create(title="Gone song")
    client = signed_in(Role.VIEWER)
    url = reverse("portal:file_detail", args=[file.uid])
    first = scan(file, {recording: SPAN, lost: MOVED})
    assert "What the rescan changed" not in client.get(url).content.decode()
    second = scan(file, {recording: SPAN})
    third = scan(file, {recording: SPAN})

    newest = client.get(url)
    answer = client.get(url, {"compare": second.uid})

    assert newest.context["diff"].scan == third
    assert newest.context["comparable"] == [third.uid, second.uid]
    assert answer.context["diff"].previous == first
    page = answer.content.decode()
    assert "What the rescan changed" in page
    assert "Gone song" in page
    assert "3:20 · 0:20.0 · 90" in " ".join(page.split())
