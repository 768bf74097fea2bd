"""Pages of a file after a late scan with a match."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.roles import Role
from catalogue.models import Recording
from jobs.choices import JobState
from jobs.listing import list_jobs
from portal.files.page import compare
from reports.cue_sheets import cue_sheet
from review import scan_diff
from review.models import Match
from review.scan_diff import ScanChange
from review.services.folding import fold_scan
from scanning.choices import DifferenceKind, EngineChoice, ScanStatus
from scanning.models import RetroSearch, Scan, ScannedFile
from tests.conftest import MakeClient
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.jobs.workers import fail_job

pytestmark = pytest.mark.django_db

KNOWN = (0, 60_000, 0, 60_000)
LATE = (100_000, 160_000, 0, 60_000)
UNMATCHED = {"start_ms": 60_000, "end_ms": 600_000, "kind": "no_match"}


def _scan(
    file: ScannedFile,
    found: dict[Recording, tuple[int, int, int, int]],
    **columns: object,
) -> Scan:
    made: Scan = ScanFactory.create(scanned_file=file, **columns)
    for recording, interval in found.items():
        make_detection(interval, scan=made, recording=recording, score=Decimal("90.0"))
    fold_scan(scan=made)
    return made


def _late_scan(file: ScannedFile, recording: Recording) -> Scan:
    search = RetroSearch.objects.create()
    search.recordings.add(recording)
    return _scan(file, {recording: LATE}, retro_search=search, recordings_searched=1)


@pytest.fixture
def file() -> ScannedFile:
    """Return a file of ten minutes."""
    made: ScannedFile = ScannedFileFactory.create()
    return made


@pytest.fixture
def full(file: ScannedFile) -> Scan:
    """Return the full scan, which detected one recording and has an unmatched interval."""
    return _scan(file, {RecordingFactory.create(): KNOWN}, unmatched=[UNMATCHED])


@pytest.fixture
def late(file: ScannedFile, full: Scan) -> Scan:
    """Return the late scan, with a match in the full scan's unmatched interval."""
    return _late_scan(file, RecordingFactory.create(title="Late tune"))


def _unmatched(context: object) -> list[tuple[int, int]]:
    ribbon = context["ribbon"]  # type: ignore[index]  # of a response
    lane = next(each for each in ribbon.facts if each.kind == "no_match")
    return [(box.start_ms, box.end_ms) for box in lane.boxes]


def test_no_ribbon_draws_no_match_over_a_late_match(
    file: ScannedFile, late: Scan, signed_in: MakeClient
) -> None:
    client = signed_in(Role.REVIEWER)
    match = Match.objects.get(scan=late)

    of_file = client.get(reverse("portal:file_detail", args=[file.uid]))
    of_match = client.get(match.review_url)

    left = [(60_000, 100_000), (160_000, 600_000)]
    assert _unmatched(of_file.context) == left
    assert _unmatched(of_match.context) == left


def test_the_file_page_lists_the_late_scan_and_rests_on_the_full_one(
    file: ScannedFile, full: Scan, late: Scan, signed_in: MakeClient
) -> None:
    page = signed_in(Role.REVIEWER).get(reverse("portal:file_detail", args=[file.uid]))

    assert page.context["scan"] == full
    assert page.context["scans"] == [late, full]
    assert "search for later recordings" in page.content.decode()
    assert page.context["coverage"].matched_ms == 120_000


def test_the_cue_sheet_names_the_late_match_instead_of_unknown_music(
    file: ScannedFile, late: Scan
) -> None:
    cues = [
        (cue.start_ms, cue.end_ms, cue.recording.title if cue.recording else "")
        for cue in cue_sheet(file=file).cues
    ]

    assert (100_000, 160_000, "Late tune") in cues
    assert all(
        end <= 100_000 or start >= 160_000 for start, end, title in cues if not title
    )


def test_a_rescan_did_not_find_what_the_late_scan_had_found(
    file: ScannedFile, full: Scan, late: Scan
) -> None:
    recording = late.detections.get().recording

    again = _scan(
        file, {full.detections.get().recording: KNOWN, recording: LATE}, unmatched=[]
    )

    diff = scan_diff.compare(again)
    assert diff is not None
    assert diff.previous == full
    assert {row.change for row in diff.rows} == {ScanChange.SAME}


def test_engines_agree_on_what_the_late_scan_found(file: ScannedFile) -> None:
    file.container.engine = EngineChoice.BOTH
    file.container.save()
    known, later = RecordingFactory.create(), RecordingFactory.create()
    _scan(file, {known: KNOWN})
    _scan(file, {known: KNOWN, later: LATE}, engine=EngineChoice.ACRCLOUD)
    before = compare(file)

    search = RetroSearch.objects.create()
    made = ScanFactory.create(scanned_file=file, retro_search=search)
    make_detection(LATE, scan=made, recording=later, score=Decimal("90.0"))

    after = compare(file)
    assert before is not None
    assert after is not None
    assert [one.kind for one in before.differences] == [DifferenceKind.ONLY_ACRCLOUD]
    assert (after.differences, after.agreed) == ([], 2)


def test_a_late_scan_does_not_hide_that_the_full_one_failed(file: ScannedFile) -> None:
    failed = _scan(file, {}, status=ScanStatus.FAILED, error_code="decode_failed")
    _late_scan(file, RecordingFactory.create())

    fail_job("scan", failed)

    assert [job.subject for job in list_jobs(state=JobState.FAILED)] == [failed]


def test_a_late_match_counts_what_the_full_scan_found_at_its_place(
    file: ScannedFile,
) -> None:
    _scan(file, {RecordingFactory.create(): LATE})

    late = _late_scan(file, RecordingFactory.create())

    assert Match.objects.get(scan=late).rivals == 1
