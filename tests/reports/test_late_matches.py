"""A late match appears in every report and document."""

from __future__ import annotations

import json
import zipfile

import pytest

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Recording
from catalogue.services import add_recording
from reports.choices import Format, Mode
from reports.evidence.models import PackStatus
from reports.layouts import Layout
from review.choices import MatchState
from review.models import Match
from scanning.services import retro
from scanning.services.intake import submit_upload
from tests import audio
from tests.evidence.conftest import BuildPack, build, key
from tests.fixtures import Catalogue, MakeClient, Worker, upload
from tests.reports.reading import content, rows

__all__ = ["build", "key"]

LATE_TITLE = "Late tune"


def _submit(catalogue: Catalogue, user: User, name: str, *seeds: int) -> None:
    """Upload a programme of tunes with pauses between them."""
    parts = [part for seed in seeds for part in (audio.tune(seed, 20), audio.silence(4))]
    submit_upload(
        container=catalogue.container,
        upload=upload(name, audio.wav_bytes(audio.join(parts))),
        user=user,
    )


@pytest.fixture
def late(catalogue: Catalogue, admin: User, run_worker: Worker) -> Match:
    """Return the match of a recording that a retro search found in two files.

    ``mixed.wav`` contains a recording that its own scan found, ``lone.wav`` does not.
    """
    _submit(catalogue, admin, "mixed.wav", 1, 3)
    _submit(catalogue, admin, "lone.wav", 3)
    run_worker()
    added = add_recording(
        bucket=catalogue.bucket,
        details=Recording(title=LATE_TITLE, custom_id="T-3"),
        audio=upload("late.wav", audio.wav_bytes(audio.tune(3, 30))),
        user=admin,
    )
    run_worker()
    added.refresh_from_db()
    retro.request_search(recordings=[added], user=admin)
    run_worker()
    return Match.objects.get(
        scanned_file__name="mixed.wav", recording=added, state=MatchState.PENDING
    )


def _late_titles(written: list[dict[str, str]]) -> list[str]:
    return [row["source_name"] for row in written if row["title"] == LATE_TITLE]


def test_reports_and_evidence_hold_the_late_match_with_its_own_scan(
    late: Match, signed_in: MakeClient, build: BuildPack
) -> None:
    client = signed_in(Role.MANAGER)

    by_segment = rows(content(Layout(mode=Mode.SEGMENT)))
    row_by_file = {row["source_name"]: row for row in rows(content(Layout(mode=Mode.FILE)))}
    page = client.get("/reports/")
    export = b"".join(client.post("/matches/export/"))
    api = b"".join(client.post("/api/portal/v1/reports/stream/", {}, "application/json"))
    for shape in Format:
        assert content(Layout(format=shape))

    assert set(_late_titles(by_segment)) == {"lone.wav", "mixed.wav"}
    assert {name: row["match_found"] for name, row in row_by_file.items()} == {
        "lone.wav": "yes",
        "mixed.wav": "yes",
    }
    assert page.status_code == 200
    assert LATE_TITLE in page.content.decode()
    assert set(_late_titles(rows(export))) == {"lone.wav", "mixed.wav"}
    assert rows(api) == rows(export)
    row = next(candidate for candidate in rows(export) if candidate["match_id"] == late.uid)
    assert late.scan.retro_search is not None
    assert row["scan_id"] == late.scan.uid

    pack = build(late)
    assert pack.status == PackStatus.READY, pack.message
    with zipfile.ZipFile(pack.file.path) as archive:
        table = rows(archive.read("match.csv"))
        case = json.loads(archive.read("case.json"))
    assert [row["match_id"] for row in table] == [late.uid]
    assert case["match"]["found_late"] is True
