"""A file's cue sheet: order, usage, unknown music, and both of its formats."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from catalogue.models import Recording, RecordingStatus
from reports import cue_sheet_files, cue_sheets
from reports.cue_sheets import CueSheet, NotScanned
from reports.cues import Usage
from review.models import Match
from review.programmes.models import Episode
from review.services import exclusions
from review.services.folding import fold_scan
from scanning.models import Scan
from statements.models import Statement
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def interval(start: int, end: int, kind: str = "no_match", **options: object) -> object:
    return {"start_ms": start * 1000, "end_ms": end * 1000, "kind": kind, **options}


def programme(*intervals: object) -> Scan:
    """Return the scan of a programme with two recordings and these intervals."""
    scan = ScanFactory.create(unmatched=list(intervals))
    first = RecordingFactory.create(
        title="=Opening",
        writers=["C. Writer", "D|E"],
        publishers=["Example Music"],
        isrc_normalised="ZZX012600001",
        iswc="T9000000420",
        user_defined={"owner_share_pct": "50.00"},
    )
    second = RecordingFactory.create(title="Under the talk")
    make_detection(
        *((0, 10_000, 0, 10_000), (12_000, 20_000, 12_000, 20_000)),
        *((300_000, 310_000, 0, 10_000),),
        scan=scan,
        recording=first,
    )
    make_detection((100_000, 130_000, 0, 30_000), scan=scan, recording=second, speech=(0.8, 0.9))
    fold_scan(scan=scan)
    return scan


def sheet_of(scan: Scan) -> CueSheet:
    return cue_sheets.cue_sheet(file=scan.scanned_file)


def intervals(sheet: CueSheet) -> list[tuple[int, int, str]]:
    return [
        (
            cue.start_ms // 1000,
            cue.end_ms // 1000,
            cue.recording.title if cue.recording else cue.status,
        )
        for cue in sheet.cues
    ]


def test_plays_within_a_longer_one_are_no_cues_of_their_own() -> None:
    match = make_match(
        (0, 100_000, 0, 100_000), (10_000, 20_000, 0, 10_000), (50_000, 60_000, 0, 10_000)
    )

    sheet = cue_sheets.cue_sheet(file=match.scanned_file)

    assert [(cue.start_ms, cue.end_ms) for cue in sheet.cues] == [(0, 100_000)]


def test_unknown_music_is_listed_and_talk_and_silence_are_not() -> None:
    scan = programme(
        interval(20, 30, sound="music", speech=[0.0, 0.1], music=[1.0, 1.0]),
        interval(30, 40, sound="both", speech=[0.4, 0.6], music=[0.8, 1.0]),
        interval(40, 60, sound="speech", speech=[0.9, 1.0], music=[0.0, 0.1]),
        interval(60, 80, "silence"),
        interval(80, 84, sound="music", speech=[0.0, 0.0], music=[1.0, 1.0]),
        interval(84, 95, sound="other", speech=[0.0, 0.1], music=[0.0, 0.1]),
        interval(140, 150, "not_scanned"),
        interval(150, 170),
    )

    sheet = sheet_of(scan)

    assert [row for row in intervals(sheet) if row[2] in ("unknown", "not_scanned")] == [
        (20, 40, "unknown"),
        (140, 150, "not_scanned"),
        (150, 170, "unknown"),
    ]
    assert sheet.unknown == 3
    assert sheet.cues[1].usage is Usage.FEATURED


def test_what_was_rejected_is_unknown_again_or_in_the_public_domain() -> None:
    match = make_match(state="rejected")

    assert intervals(sheet_of(match.scan)) == [(70, 90, "unknown")]

    Match.objects.update(decision_reason="public_domain")
    assert [(cue.recording, cue.status) for cue in sheet_of(match.scan).cues] == [
        (match.recording, "rejected")
    ]


def test_a_file_without_music_has_an_empty_sheet_and_one_not_scanned_none() -> None:
    file = ScannedFileFactory.create(status="no_match", name="later.wav")
    sheet = cue_sheets.cue_sheet(file=file)

    assert not sheet.cues
    assert cue_sheet_files.written(sheet, "csv").count(b"\r\n") == 1
    assert cue_sheet_files.written(sheet, "pdf").startswith(b"%PDF")
    file.status = "processing"
    with pytest.raises(NotScanned, match=r"later\.wav is not scanned"):
        cue_sheets.cue_sheet(file=file)


def test_cues_are_in_order_and_the_csv_has_the_broadcasters_columns() -> None:
    scan = programme()
    sheet = sheet_of(scan)

    # Plays close together are one.
    assert intervals(sheet) == [
        (0, 20, "=Opening"),
        (100, 130, "Under the talk"),
        (300, 310, "=Opening"),
    ]
    assert [cue.number for cue in sheet.cues] == [1, 2, 3]
    assert sheet.cues[0].usage is None
    assert sheet.cues[1].usage is Usage.BACKGROUND

    content = cue_sheet_files.written(sheet, "csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert rows[0] == {
        "cue_no": "1",
        # It is no formula.
        "title": "'=Opening",
        "version_title": "",
        "writers": "C. Writer|D\\|E",
        "publishers": "Example Music",
        "performers": "A. Example",
        "label": "",
        "isrc": "ZZX012600001",
        "iswc": "T9000000420",
        "usage": "",
        "time_in": "00:00:00.000",
        "time_out": "00:00:20.000",
        # The pause of two seconds within the cue does not count.
        "duration": "00:00:18.000",
        "share_pct": "50.00",
        "status": "pending",
        "match_id": rows[0]["match_id"],
        "item_id": "",
        "use": "",
        "origin": "",
    }
    assert content.count("\r\n") == 4

    merged = Recording.objects.get(title="Under the talk")
    stays = RecordingFactory.create()
    merged.status, merged.merged_into = RecordingStatus.RETIRED, stays
    merged.save()
    assert sheet_of(scan).cues[1].title == stays.title


def test_the_pdf_goes_on_over_pages_and_is_the_same_each_time() -> None:
    scan = programme(*[interval(1000 + 20 * n, 1010 + 20 * n) for n in range(40)])
    scan.scanned_file.length_ms = 1_810_000
    sheet = sheet_of(scan)

    content = cue_sheet_files.written(sheet, "pdf")

    assert content.count(b"/Type /Page\n") == 3
    assert content == cue_sheet_files.written(sheet, "pdf")


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="Poppler is not installed")
def test_the_pdf_names_the_episode_and_counts_whole_seconds(tmp_path: Path) -> None:
    scan = ScanFactory.create()
    make_detection((12_400, 20_200, 0, 7_800), scan=scan)
    fold_scan(scan=scan)
    Episode.objects.create(scanned_file=scan.scanned_file, series="Night Shift", number="14")
    path = tmp_path / "sheet.pdf"

    status = "Version 2, submitted by ana, approved by mira"
    path.write_bytes(cue_sheet_files.written(sheet_of(scan), "pdf", status=status))

    text = subprocess.check_output(["pdftotext", "-layout", path, "-"], text=True)
    assert "Cue sheet: Night Shift" in text
    assert "episode 14" in text
    assert status in text
    # 12.4 s to 20.2 s: printed as 12 to 20, so 8 and not 7.
    assert re.search(r"00:00:12 +00:00:20 +00:00:08", text)


def test_pages_show_the_sheet_and_hand_it_out_and_say_since_when_it_differs(
    signed_in: MakeClient,
) -> None:
    match = Match.objects.filter(scan=programme(interval(20, 40))).order_by("pk")[0]
    client = signed_in(Role.REVIEWER)

    def address(name: str) -> str:
        return reverse(f"portal:{name}", args=[match.scanned_file.uid])

    page = client.get(address("cue_sheet")).content.decode()
    assert "=Opening" in page
    assert "Unknown music" in page
    assert "Downloaded draft" not in page

    table = client.get(address("cue_sheet_csv"))
    printed = client.get(address("cue_sheet_pdf"))
    assert table["Content-Type"].startswith("text/csv")
    assert printed.content.startswith(b"%PDF")
    events = Event.objects.filter(action="cue_sheet.exported").order_by("pk")
    assert [event.after["format"] for event in events] == ["csv", "pdf"]
    viewer = signed_in(Role.VIEWER)
    assert viewer.get(address("cue_sheet_csv")).status_code == 403

    same = client.get(address("cue_sheet")).content.decode()
    exclusions.exclude(
        recording=match.recording,
        interval=(0, 10_000),
        reason="ident",
        user=make_user(Role.MANAGER),
    )
    while run_next(Pool.WORK):
        pass
    differs = client.get(address("cue_sheet")).content.decode()
    assert "Downloaded draft of version 1" in same
    assert "differs since" not in same
    assert "differs since" in differs
    (draft,) = Statement.objects.all()
    assert (draft.state, draft.files.count()) == ("draft", 2)
    (link,) = re.findall(r'href="(/statements/[^"]+/files/pdf)"', differs)
    stored = client.get(link)
    assert b"".join(stored.streaming_content) == printed.content  # type: ignore[attr-defined]  # a file is streamed

    client.get(address("cue_sheet_csv"))
    draft.refresh_from_db()
    assert draft.differs_since is None
    assert [file.format for file in draft.files.all()] == ["csv"]


def test_the_command_writes_by_the_ending(tmp_path: Path) -> None:
    file = programme().scanned_file

    for name in ("cues.csv", "cues.pdf"):
        call_command("cue_sheet", str(file.uid), output=tmp_path / name)

    assert (tmp_path / "cues.csv").read_bytes().startswith(b"\xef\xbb\xbfcue_no,")
    assert (tmp_path / "cues.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(CommandError, match=r"\.xlsx or \.pdf"):
        call_command("cue_sheet", str(file.uid), output=tmp_path / "cues.doc")
    with pytest.raises(CommandError, match="could not be written"):
        call_command("cue_sheet", str(file.uid), output=Path("/proc/none/cues.csv"))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "cues.csv",
        "cues.pdf",
    ]


def test_its_files_are_named_after_the_programme() -> None:
    for name, title, expected in (
        ("Morgen-Magazin 7.wav", "", "morgen-magazin-7"),
        ("a.wav", "Pier Stories: Fog", "pier-stories-fog"),
    ):
        file = ScannedFileFactory.build(name=name, programme=title)
        assert CueSheet(file=file, cues=[]).name == f"cue-sheet-{expected}"

    # A name without letters is replaced by the id.
    file = ScannedFileFactory.build(name="。。.wav")
    assert CueSheet(file=file, cues=[]).name == f"cue-sheet-{file.uid.hex[:12]}"
