"""Pages of a file after a late scan with a match."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from base.accounts.roles import Role
from base.jobs.choices import JobState
from base.jobs.listing import list_jobs
from catalogue.models import Recording
from reports.cue_sheets import cue_sheet
from review import scan_diff
from review.models import Match
from review.scan_diff import ScanChange
from review.services.folding import fold_scan
from scanning.choices import DifferenceKind, EngineChoice, ScanStatus
from scanning.models import RetroSearch, Scan, ScannedFile
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.fixtures import MakeClient
from tests.jobs.workers import fail_job
from web.portal.files.page import compare

pytestmark = pytest.mark.django_db

KNOWN = (0, 60_000, 0, 60_000)
LATE = (100_000, 160_000, 0, 60_000)
UNMATCHED = {"start_ms": 60_000, "end_ms": 600_000, "kind": "no_match"}


def _scan(
    file: ScannedFile, plays: dict[Recording, tuple[int, int, int, int]], **columns: object
) -> Scan:
    made: Scan = ScanFactory.create(scanned_file=file, **columns)
    for recording, interval in plays.items():
        make_detection(interval, scan=made, recording=recording, score=Decimal("90.0"))
    fold_scan(scan=made)
    return made


def _late_scan(file: ScannedFile, recording: Recording) -> Scan:
    search = RetroSearch.objects.create()
    search.recordings.add(recording)
    return _scan(file, {recording: LATE}, retro_search=search, recordings_searched=1)


@pytest.fixture
def file() -> ScannedFile:
    made: ScannedFile = ScannedFileFactory.create()
    return made


def _unmatched(context: object) -> list[tuple[int, int]]:
    ribbon = context["ribbon"]  # type: ignore[index]  # of a response
    lane = next(fact for fact in ribbon.facts if fact.kind == "no_match")
    return [(box.start_ms, box.end_ms) for box in lane.boxes]


def test_a_late_match_is_no_longer_unmatched_on_pages_and_in_the_cue_sheet(
    file: ScannedFile, signed_in: MakeClient
) -> None:
    client = signed_in(Role.REVIEWER)
    recording, later = RecordingFactory.create(), RecordingFactory.create(title="Late tune")
    full = _scan(file, {recording: KNOWN}, unmatched=[UNMATCHED])
    late = _late_scan(file, later)

    of_file = client.get(reverse("portal:file_detail", args=[file.uid]))
    of_match = client.get(Match.objects.get(scan=late).review_url)
    gaps = [(60_000, 100_000), (160_000, 600_000)]
    assert _unmatched(of_file.context) == gaps
    assert _unmatched(of_match.context) == gaps

    # The file page lists the late scan and rests on the full one.
    assert of_file.context["scan"] == full
    assert of_file.context["scans"] == [late, full]
    assert "search for later recordings" in of_file.content.decode()
    assert of_file.context["coverage"].matched_ms == 120_000

    # The cue sheet names the late match instead of unknown music.
    cues = [
        (cue.start_ms, cue.end_ms, cue.recording.title if cue.recording else "")
        for cue in cue_sheet(file=file).cues
    ]
    assert (100_000, 160_000, "Late tune") in cues
    assert all(end <= 100_000 or start >= 160_000 for start, end, title in cues if not title)

    # A rescan did not find what the late scan had found.
    diff = scan_diff.compare(_scan(file, {recording: KNOWN, later: LATE}, unmatched=[]))
    assert diff is not None
    assert diff.previous == full
    assert {row.change for row in diff.rows} == {ScanChange.SAME}


def test_engines_agree_on_what_the_late_scan_found(file: ScannedFile) -> None:
    file.container.engine = EngineChoice.BOTH
    file.container.save()
    recording, later = RecordingFactory.create(), RecordingFactory.create()
    _scan(file, {recording: KNOWN})
    _scan(file, {recording: KNOWN, later: LATE}, engine=EngineChoice.ACRCLOUD)
    before = compare(file)

    search = RetroSearch.objects.create()
    made = ScanFactory.create(scanned_file=file, retro_search=search)
    make_detection(LATE, scan=made, recording=later, score=Decimal("90.0"))

    after = compare(file)
    assert before is not None
    assert after is not None
    assert [difference.kind for difference in before.differences] == [DifferenceKind.ONLY_ACRCLOUD]
    assert (after.differences, after.agreed) == ([], 2)


def test_a_late_scan_does_not_hide_that_the_full_one_failed(file: ScannedFile) -> None:
    failed = _scan(file, {}, status=ScanStatus.FAILED, error_code="decode_failed")
    _late_scan(file, RecordingFactory.create())

    fail_job("scan", failed)

    assert [job.subject for job in list_jobs(state=JobState.FAILED)] == [failed]


def test_a_late_match_counts_what_the_full_scan_found_at_its_place(file: ScannedFile) -> None:
    _scan(file, {RecordingFactory.create(): LATE})

    late = _late_scan(file, RecordingFactory.create())

    assert Match.objects.get(scan=late).rivals == 1
