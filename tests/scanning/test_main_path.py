"""A file's complete path: upload over HTTP → worker → matches, with real audio."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from math import log2
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import RecordingSpeech
from reports.cue_sheets import cue_sheet
from reports.cues import Usage
from review.edits import Edit
from review.models import Match
from scanning import speech_pipeline
from scanning.models import Scan, ScannedFile, ScanSpeech, Segment, SegmentSpeech
from tests.fixtures import MakeClient, Worker, upload
from web.portal.management import demo

DEMO = Path(settings.BASE_DIR) / "demo"
EDGE_S, SPEECH_EDGE_S = 0.5, 2.5


def _truth() -> Iterator[dict[str, str]]:
    with (DEMO / "programmes" / "truth.csv").open(newline="") as file:
        yield from csv.DictReader(file)


@pytest.fixture
def scanned_demo(signed_in: MakeClient, run_worker: Worker) -> Client:
    """Upload the programmes over HTTP and let the worker scan them."""
    client = signed_in(Role.ADMIN)
    user = User.objects.get()
    bucket = demo.ensure_catalogue(user)
    run_worker()
    container = demo.ensure_container(bucket, user)
    for path in sorted((DEMO / "programmes").glob("*.opus")):
        answer = client.post(
            "/api/portal/v1/files/",
            {"container": container.pk, "file": upload(path.name, path.read_bytes())},
        )
        assert answer.status_code == 201
    run_worker()
    return client


def test_demo_programmes_are_scanned_and_leave_as_csv(
    scanned_demo: Client, run_worker: Worker
) -> None:
    _give_every_play_of_the_truth_and_nothing_else()
    _tell_speech_and_music_where_the_truth_does()
    _state_the_use_on_cue_sheets()
    _are_judged_alike_if_they_were_scanned_before(run_worker)
    _are_seen_on_pages_and_leave_as_csv(scanned_demo)


def _give_every_play_of_the_truth_and_nothing_else() -> None:
    plays = [row for row in _truth() if row["kind"] == "track"]

    segments = list(
        Segment.objects.select_related("detection__recording", "detection__scan__scanned_file")
    )

    assert len(segments) == len(plays) == 16
    edits = Counter(Match.objects.values_list("edit", flat=True))
    assert edits == {Edit.NONE: 10, Edit.SPED_UP: 3, Edit.SLOWED: 1}
    [narrow] = Match.objects.exclude(low_hz=None, high_hz=None)
    assert narrow.recording.custom_id == "DEMO-006"
    assert narrow.low_hz == pytest.approx(300, rel=0.2)
    assert narrow.high_hz is None
    for row in plays:
        segment = _play_of(segments, row)
        tolerance = SPEECH_EDGE_S if row["music_over_speech_db"] else EDGE_S
        rate = float(row["rate"])
        assert segment.start_ms / 1000 == pytest.approx(float(row["start_s"]), abs=tolerance)
        assert segment.end_ms / 1000 == pytest.approx(float(row["end_s"]), abs=tolerance)
        offset = segment.start_ms / 1000 - float(row["start_s"])
        assert segment.reference_start_ms / 1000 == pytest.approx(
            float(row["ref_start_s"]) + offset * rate, abs=0.1
        )
        assert float(segment.tempo_ratio or 0) == pytest.approx(rate, abs=0.002)
        cents = 1200 * log2(rate)
        assert float(segment.pitch_cents or 0) == pytest.approx(cents, abs=3)
        assert (segment.score or 0) > 60


def _play_of(segments: list[Segment], row: dict[str, str]) -> Segment:
    middle_ms = 500 * (float(row["start_s"]) + float(row["end_s"]))
    [segment] = [
        segment
        for segment in segments
        if segment.detection.scan.scanned_file.name == row["programme"]
        and segment.detection.recording.custom_id == row["custom_id"]
        and segment.start_ms < middle_ms < segment.end_ms
    ]
    return segment


def _tell_speech_and_music_where_the_truth_does() -> None:
    for row in _truth():
        scan = Scan.objects.get(scanned_file__name=row["programme"])
        start, end = (round(1000 * float(row[name])) for name in ("start_s", "end_s"))
        inner = start + 500, end - 500
        speech, music = (
            share(*inner)
            for share in (scan.speech.track.speech_share, scan.speech.track.music_share)
        )
        assert speech is not None
        assert music is not None
        is_spoken = row["kind"] == "speech" or bool(row["music_over_speech_db"])
        assert speech.is_over is is_spoken, row
        if row["kind"] == "silence":
            assert not music.least
        if row["kind"] == "unknown_track":
            assert music.least > 0.9
    # Both sounds that are not in the catalogue, without the speech beside them.
    unknown = [
        interval
        for scan in Scan.objects.all()
        for interval in scan.unmatched
        if interval["kind"] == "no_match" and interval["sound"] == "music"
    ]
    lengths = [round((row["end_ms"] - row["start_ms"]) / 1000) for row in unknown]
    assert [length for length in lengths if length >= 5] == pytest.approx([16, 18], abs=1)


def _state_the_use_on_cue_sheets() -> None:
    uses = {
        (
            file.name,
            cue.recording.custom_id if cue.recording else "",
            round(cue.start_ms / 1000),
        ): cue.usage
        for file in ScannedFile.objects.all()
        for cue in cue_sheet(file=file).cues
    }
    assert len(uses) == 18, uses
    for row in _truth():
        if row["kind"] not in ("track", "unknown_track"):
            continue
        [usage] = [
            usage
            for (name, recording, start), usage in uses.items()
            if name == row["programme"]
            and recording == row["custom_id"]
            and abs(start - float(row["start_s"])) <= SPEECH_EDGE_S
        ]
        is_spoken = bool(row["music_over_speech_db"])
        assert usage == (Usage.BACKGROUND if is_spoken else Usage.FEATURED), row


def _are_judged_alike_if_they_were_scanned_before(run_worker: Worker) -> None:
    before = _judged()
    for model in (ScanSpeech, SegmentSpeech):
        model.objects.all().delete()
    # Its audio is here, so it is judged again, too.
    RecordingSpeech.objects.first().delete()  # type: ignore[union-attr]
    Match.objects.update(under_speech=None)
    for scan in Scan.objects.all():
        undivided = [
            {name: value for name, value in row.items() if name not in ("sound", "speech")}
            for row in scan.unmatched
        ]
        Scan.objects.filter(pk=scan.pk).update(unmatched=undivided)

    for _ in range(2):
        speech_pipeline.plan()
        run_worker()

    assert _judged() == before


def _judged() -> list[object]:
    return [
        *RecordingSpeech.objects.values_list("recording", "net"),
        *ScanSpeech.objects.values_list("scan", "net", "halves", "scan__unmatched"),
        *SegmentSpeech.objects.values_list("segment", "least", "most"),
        *Match.objects.order_by("pk").values_list("pk", "under_speech", "queue_reason"),
    ]


def _are_seen_on_pages_and_leave_as_csv(client: Client) -> None:
    match = Match.objects.order_by("first_start_ms").first()
    assert match is not None
    assert (match.score or 0) >= Decimal(50)

    page = client.get(f"/files/{match.scanned_file.uid}/")
    report = client.post("/matches/export/")
    body = report.getvalue().decode("utf-8-sig")

    assert match.recording.title in page.content.decode()
    rows = list(csv.DictReader(body.splitlines()))
    assert len(rows) == 14
    assert {row["match_found"] for row in rows} == {"yes"}
    assert match.uid in {row["match_id"] for row in rows}
