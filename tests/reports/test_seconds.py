"""One file with everything in it: the same seconds in every place that states them."""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from reports import cue_sheet_files, summaries
from reports.choices import Format, Mode
from reports.cue_entries import enter
from reports.cue_sheets import CueSheet, cue_sheet
from reports.cues import CueStatus
from reports.evidence.facts import case_json, gather
from reports.layouts import Layout
from reports.models import EntryKind
from review.choices import MatchState, QueueReason
from review.filters import MatchFilter
from review.intervals import length
from review.models import Match
from review.services import exclusions
from review.services.speech import check_speech
from review.timeline import Kind, share, timeline
from review.timeline.division import MATCHED
from review.timeline.figures import matched_shares
from scanning.models import Scan, ScannedFile
from tests import product
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, ScannedFileFactory
from tests.reports.reading import content, rows
from tests.seconds import differing_seconds, places_of
from tests.visible_text import visible_text
from web.acrapi.serializers.files import file_shapes
from web.portal.api.serializers import file_state

pytestmark = pytest.mark.django_db

BASE = Path(__file__).resolve().parents[2]
EXCLUDED_MS = 29_800


@pytest.fixture
def scan() -> Scan:
    """Return the scan of a file of ten minutes whose last minute is not decoded."""
    file = ScannedFileFactory.create(length_ms=600_000, undecoded_ms=60_000)
    return ScanFactory.create(
        scanned_file=file,
        unmatched=[
            {"start_ms": 0, "end_ms": 40_000, "kind": "no_match", "sound": "speech"},
            {"start_ms": 40_000, "end_ms": 47_064, "kind": "silence"},
            {"start_ms": 300_000, "end_ms": 330_000, "kind": "not_scanned"},
        ],
    )


@pytest.fixture
def claim(scan: Scan, manager: User) -> Match:
    """Return a confirmed match of 43.1 s, of which exclusions leave 13.3 s."""
    match = make_match(
        (47_064, 66_127, 10_000, 29_063),
        (100_000, 124_037, 40_000, 64_037),
        scan=scan,
        match={"state": MatchState.CONFIRMED},
    )
    exclusions.exclude(
        recording=match.recording, interval=(23_300, 70_000), reason="shared_loop", user=manager
    )
    match.refresh_from_db()
    return match


def beside_the_claim(claim: Match) -> None:
    """Put a suppressed match beside the claim."""
    make_match(
        (200_000, 220_000, 0, 20_000),
        scan=claim.scan,
        match={"state": MatchState.SUPPRESSED, "queue_reason": QueueReason.BELOW_FLOOR},
    )


def test_one_file_with_everything_states_the_same_seconds_everywhere(
    claim: Match, manager: User, client: Client
) -> None:
    pytest.importorskip("fpdf")
    from reports.cue_sheet_pdf import _cells

    file = claim.scanned_file
    beside_the_claim(claim)
    make_match(
        (50_000, 66_000, 0, 16_000),
        scan=claim.scan,
        recording=RecordingFactory.create(title=claim.recording.title),
        match={"state": MatchState.CONFIRMED},
        speech=(0.8, 0.9),
    )
    check_speech(match=claim, user=manager, heard=True)
    case = case_json(gather(match_id=claim.pk))
    sheet = cue_sheet(file=file)
    of_claim = next(cue for cue in sheet.cues if cue.match == claim)
    as_csv = next(row for row in rows_of(sheet) if row["match_id"] == claim.uid)
    body = json.loads(content(Layout(format=Format.JSON)))
    by_match, by_segment = (
        [row for row in rows(content(Layout(mode=mode))) if row["match_id"] == claim.uid]
        for mode in (Mode.MATCH, Mode.SEGMENT)
    )
    client.force_login(manager)
    page = client.get(claim.review_url).content.decode()

    in_ms = places_of(claim) | {
        "JSON report": next(
            row["matched_ms"] for row in body["rows"] if row["match_id"] == claim.uid
        ),
        "CSV by match": int(by_match[0]["matched_ms"]),
        "CSV by segment": sum(int(row["counted_ms"]) for row in by_segment),
        "cue CSV": ms_of(as_csv["duration"]),
        "evidence": case["match"]["matched_ms"],
    }
    assert set(in_ms.values()) == {13_300}, in_ms
    assert case["counted"] == [{"start_ms": 47_064, "end_ms": 60_364}]
    assert [segment["counted_ms"] for segment in case["segments"]] == [13_300, 0]
    assert _cells(of_claim)[-1][0] == "00:00:13"
    assert list(differing_seconds(file)) == []

    # The page states what counts of each segment.
    assert "0:13.300" in page
    assert "of 0:19.063 counts" in page
    assert "of 0:24.037 counts" in page
    assert page.count("seg--excluded") == 2

    assert {piece.kind for piece in sheet.timeline.pieces} >= {
        Kind.CONFIRMED,
        Kind.EXCLUDED,
        Kind.SUPPRESSED,
        Kind.SPEECH,
        Kind.NOT_DECODED,
    }
    assert sheet.timeline.ms(*Kind) == 600_000


def test_one_table_of_what_each_place_says_of_a_file(
    claim: Match, manager: User, client: Client
) -> None:
    """Two recordings sound together, and what no match names lies beside them."""
    file = claim.scanned_file
    beside_the_claim(claim)
    for state, start in (
        (MatchState.DISPUTED, 55_000),
        (MatchState.PENDING, 130_000),
        (MatchState.RELEASED, 150_000),
        (MatchState.CLEARED, 170_000),
    ):
        make_match(
            (start, start + 12_345, 0, 12_345),
            scan=claim.scan,
            recording=RecordingFactory.create(),
            state=state,
        )
    rejected = make_match(
        (205_000, 231_000, 0, 26_000),
        scan=claim.scan,
        recording=RecordingFactory.create(),
        state=MatchState.REJECTED,
    )
    enter(
        file=file,
        user=manager,
        start_ms=210_000,
        end_ms=240_000,
        kind=EntryKind.MUSIC,
        details={"title": "Theme"},
    )
    file.refresh_from_db()
    client.force_login(manager)

    line, here = timeline(file), MatchFilter(file=str(file.uid))

    # 13.3 s of the claim and four times 12.345 s, less the 5.364 s that two share.
    matched_ms, pct = 13_300 + 4 * 12_345 - 5_364, Decimal("9.55")
    assert {kind: ms for kind, ms in line.by_kind.items() if kind in MATCHED} == {
        Kind.CONFIRMED: 13_300,
        Kind.DISPUTED: 12_345 - 5_364,
        Kind.CLEARED: 12_345,
        Kind.RELEASED: 12_345,
        Kind.PENDING: 12_345,
    }
    together = next(piece for piece in line.pieces if piece.start_ms == 55_000)
    assert len(together.matches) == 2
    assert line.ms(Kind.ENTERED) == 30_000
    assert list(line.of(Kind.REJECTED)) == []
    suppressed = [piece for piece in line.of(Kind.SUPPRESSED) if piece.matches]
    assert sum(piece.length_ms for piece in suppressed) == 10_000
    assert line.pct(*Kind) == 100
    assert line.length_ms == file.length_ms == 600_000

    by_file = next(
        row for row in rows(content(Layout(mode=Mode.FILE))) if row["file_id"] == str(file.uid)
    )
    by_match = rows(content(Layout(mode=Mode.MATCH)))
    by_segment = rows(content(Layout(mode=Mode.SEGMENT)))
    page, listing = (
        " ".join(visible_text(client.get(address).content.decode()).split())
        for address in (reverse("portal:file_detail", args=[file.uid]), reverse("portal:file_list"))
    )
    body = file_state(file)
    case = case_json(gather(match_id=claim.pk))["match"]
    sheet = cue_sheet(file=file)
    counted = [
        part
        for cue in sheet.cues
        if cue.match is not None and cue.status != CueStatus.EXCLUDED
        for part in cue.counted
    ]
    released = next(match for match in line.matches if match.state == "released")
    assert set(
        {
            "timeline": (line.matched_ms, line.pct(*MATCHED)),
            "file CSV": (int(by_file["matched_ms"]), Decimal(by_file["source_coverage_pct"])),
            "cue sheet": (length(counted), share(length(counted), file.length_ms)),
            "API": (matched_ms, body["matched_pct"]),
            "figures": (file.figures.matched_ms, matched_shares([file])[file.pk]),
            # A summary leaves released claims out.
            "summary": (summaries.total(filters=here).matched_ms + released.matched_ms, pct),
        }.values()
    ) == {(matched_ms, pct)}
    assert f"Matched 0:57 · {pct} %" in page
    assert f"{pct} %" in listing
    assert "Duration 10:00 1:00 not decoded" in page
    assert "Matches 6 · 1 suppressed" in page
    assert set(
        {
            "file CSV": int(by_file["source_duration_ms"]),
            "match CSV": int(by_match[0]["source_duration_ms"]),
            "API": body["duration_ms"],
            "wire": 1000 * file_shapes([file])[0]["duration"],
            "summary": summaries.scanned_ms(filters=here),
            "sheet": sheet.timeline.length_ms,
        }.values()
    ) == {600_000}
    of_claim = [row for row in by_match if row["match_id"] == claim.uid]
    assert set(
        {
            "match": claim.source_share,
            "evidence": Decimal(str(case["source_coverage_pct"])),
            "match CSV": Decimal(of_claim[0]["source_coverage_pct"]),
            "segment CSV": share(
                sum(int(row["counted_ms"]) for row in by_segment if row["match_id"] == claim.uid),
                line.length_ms,
            ),
        }.values()
    ) == {share(13_300, 600_000)}
    assert {
        int(by_file["match_count"]),
        body["match_count"],
        len([match for match in line.matches if match.state != "suppressed"]),
    } == {6}
    assert list(differing_seconds(file)) == []
    assert rejected in line.matches


def ms_of(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return round(1000 * (3600 * int(hours) + 60 * int(minutes) + float(seconds)))


def rows_of(sheet: CueSheet) -> list[dict[str, str]]:
    content = cue_sheet_files.written(sheet, "csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_an_undecodable_end_is_not_matched(scan: Scan, client: Client) -> None:
    make_match((0, 540_000, 0, 540_000), scan=scan)
    client.force_login(make_user(Role.REVIEWER))

    page = client.get(reverse("portal:file_detail", args=[scan.scanned_file.uid])).content.decode()

    assert "9:00 · 90.00\u2009%" in page
    assert "Not decoded" in page


def test_an_exclusion_of_all_leaves_nothing(manager: User) -> None:
    match = make_match((70_000, 87_836, 5_000, 22_836), match={"state": MatchState.CONFIRMED})
    exclusions.exclude(
        recording=match.recording, interval=(0, 30_000), reason="shared_loop", user=manager
    )
    match.refresh_from_db()

    assert (match.matched_ms, match.excluded_ms) == (0, 17_836)
    assert list(differing_seconds(match.scanned_file)) == []
    (cue,) = cue_sheet(file=match.scanned_file).cues
    assert (cue.status, cue.length_ms) == (CueStatus.EXCLUDED, 17_836)


def test_lengths_are_differences_of_the_printed_ends() -> None:
    match = make_match((47_064, 66_127, 0, 19_063), (100_000, 117_836, 30_000, 47_836))
    pytest.importorskip("fpdf")
    from reports.cue_sheet_pdf import _cells

    lines = [_cells(cue) for cue in cue_sheet(file=match.scanned_file).cues]

    assert [[cell[0] for cell in line[-3:]] for line in lines] == [
        ["00:00:47", "00:01:06", "00:00:19"],
        ["00:01:40", "00:01:58", "00:00:18"],
    ]


def test_every_moment_is_of_one_kind(scan: Scan) -> None:
    make_match((10_000, 20_000, 0, 10_000), scan=scan, recording=RecordingFactory.create())
    file: ScannedFile = scan.scanned_file

    pieces = cue_sheet(file=file).timeline.pieces

    assert [(piece.start_ms, piece.kind) for piece in pieces] == [
        (0, Kind.SPEECH),
        (10_000, Kind.PENDING),
        (20_000, Kind.SPEECH),
        (40_000, Kind.SILENCE),
        (47_064, Kind.UNDESCRIBED),
        (300_000, Kind.NOT_SCANNED),
        (330_000, Kind.UNDESCRIBED),
        (540_000, Kind.NOT_DECODED),
    ]


_COUNTS = {
    # What a file holds, and the sums of matches in many files.
    "review/timeline/division.py",
    "review/timeline/figures.py",
    # One match: its segments, its figures, and whether two scans or matches are the same.
    *("review/counting.py", "review/selectors.py", "review/figures.py"),
    *("review/scan_diff.py", "review/services/drafts.py"),
    *("review/services/joining.py", "review/intervals.py"),
    # Reports read all segments of a scan anyway, for the rivals.
    "reports/selectors.py",
    # The length of one cue, of one declared play, of one comparison of sounds.
    *("reports/cues.py", "reports/cue_arrangement.py", "reports/plays.py"),
}
"""The modules that add up intervals; every page, list and document reads theirs."""


def modules_that_add(folder: str = "") -> set[str]:
    """Return the modules of a plug-in's folder that add up intervals; "" for the core."""
    adds = re.compile(
        r"segment\w*\.end_ms\s*-\s*\w*segment\w*\.start_ms"
        r"|count_segments\(|\bintervals\.(?:length|union)\("
        r"|\bscan\.unmatched\b|review\.intervals import .*\b(?:length|union)\b"
    )
    return {
        product.name_of(path)
        for path in product.files(".py")
        if product.name_of(path).startswith(folder or "plugins/") == bool(folder)
        and adds.search(path.read_text(encoding="utf-8"))
    }


def test_nothing_else_counts_seconds() -> None:
    # They draw or weigh segments, or keep what an engine says about intervals.
    modules = {
        *("web/portal/pictures/pair.py", "web/portal/pictures/plots.py"),
        *("web/portal/pictures/file.py", "web/portal/pictures/exclusion.py"),
        *("review/timeline/reading.py", "review/timeline/sounds.py"),
        "scanning/speech_pipeline.py",
        # Whether two sounds share most of their seconds.
        *("review/services/questions.py", "review/versions.py"),
        *("reports/cue_repeats.py", "recognition/commands/report.py"),
    }

    texts = modules_that_add()

    assert texts <= _COUNTS | modules, texts - _COUNTS - modules
