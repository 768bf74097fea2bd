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
from review.edits import Edit
from review.models import Match
from scanning.models import Segment
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


def test_demo_programmes_are_scanned_and_leave_as_csv(scanned_demo: Client) -> None:
    _give_every_play_of_the_truth_and_nothing_else()
    _are_seen_on_pages_and_leave_as_csv(scanned_demo)


def _give_every_play_of_the_truth_and_nothing_else() -> None:
    plays = [row for row in _truth() if row["kind"] == "track"]

    found = list(
        Segment.objects.select_related("detection__recording", "detection__scan__scanned_file")
    )

    assert len(found) == len(plays) == 16
    edits = Counter(Match.objects.values_list("edit", flat=True))
    assert edits == {Edit.NONE: 10, Edit.SPED_UP: 3, Edit.SLOWED: 1}
    [narrow] = Match.objects.exclude(low_hz=None, high_hz=None)
    assert narrow.recording.custom_id == "DEMO-006"
    assert narrow.low_hz == pytest.approx(300, rel=0.2)
    assert narrow.high_hz is None
    for row in plays:
        segment = _play_of(found, row)
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


def _play_of(found: list[Segment], row: dict[str, str]) -> Segment:
    middle_ms = 500 * (float(row["start_s"]) + float(row["end_s"]))
    [segment] = [
        one
        for one in found
        if one.detection.scan.scanned_file.name == row["programme"]
        and one.detection.recording.custom_id == row["custom_id"]
        and one.start_ms < middle_ms < one.end_ms
    ]
    return segment


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
