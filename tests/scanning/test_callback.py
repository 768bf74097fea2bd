"""Results in callbacks of ACRCloud update files once, and never backwards."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from base.accounts.models import User
from catalogue.models import Recording, RecordingStatus
from review.models import Match
from scanning import callback_processing
from scanning.choices import CallbackOutcome, EngineChoice, FileStatus, ScanStatus
from scanning.engines.acrcloud_results import read_items
from scanning.models import Container, Detection, InboundCallback, ScannedFile
from scanning.services.callbacks import link_remote_file, replay
from scanning.services.scans import cancel_scans, request_scan
from tests.factories.catalogue import RecordingFactory
from tests.fixtures import Worker
from tests.scanning.callbacks import cloud_container, post, sample, waiting_file


@pytest.fixture
def container(transactional_db: None) -> Container:
    return cloud_container()


@pytest.fixture
def file(container: Container, admin: User) -> ScannedFile:
    return waiting_file(container, admin)


def test_music_result_makes_a_file_ready_and_nothing_unasked_changes_it(
    container: Container, file: ScannedFile, run_worker: Worker, admin: User
) -> None:
    body = sample("callback.music.json") | {"file_id": str(file.uid)}

    with CaptureQueriesContext(connection) as queries:
        assert post(container, body) == (202, "accepted")
    run_worker()

    # Bursts of thousands arrive at one address.
    read = [q["sql"] for q in queries if q["sql"].startswith("SELECT") and "FROM" in q["sql"]]
    tables = [sql.split(' FROM "')[1].split('"')[0] for sql in read]
    assert tables == ["scanning_container", "scanning_scannedfile", "jobs_job"]
    file.refresh_from_db()
    match = Match.objects.get()
    assert file.status == FileStatus.READY
    assert match.recording.status == RecordingStatus.STUB
    assert match.recording.bucket_id == 23
    assert match.recording.acr_id == "e8b02eab3fd1d2745f460fb608b7b5c1"
    assert (match.first_start_ms, match.last_end_ms) == (0, 164_000)
    assert match.score == 100
    assert match.score_scale == "0-100:acrcloud"

    # The same body again, then the same result in other words.
    before = list(Match.objects.values())
    assert post(container, body) == (200, "repeated")
    run_worker()
    assert list(Match.objects.values()) == before
    assert Detection.objects.count() == 1
    assert file.scans.count() == 1
    assert InboundCallback.objects.get().times_received == 2
    answer = post(container, json.dumps(body, indent=3).encode())
    run_worker()
    assert answer == (202, "accepted")
    assert Match.objects.count() == 1
    assert InboundCallback.objects.latest("pk").outcome == CallbackOutcome.UNCHANGED

    # A late failure does not move it backwards.
    for state in (-3, 0):
        uid = str(file.uid)
        post(container, {"file_id": uid, "state": state, "cid": 1, "results": {}})
    run_worker()
    file.refresh_from_db()
    assert file.status == FileStatus.READY

    # A new result counts only once somebody asked for a scan.
    post(container, sample("callback.no-result.json") | {"file_id": str(file.uid)})
    run_worker()
    file.refresh_from_db()
    unasked = InboundCallback.objects.latest("pk")
    assert file.status == FileStatus.READY
    assert file.scans.count() == 1
    assert unasked.outcome == CallbackOutcome.UNCHANGED
    assert "scan the file again" in unasked.message
    request_scan(scanned_file=file, user=admin)
    replay(callback=unasked, user=admin)
    run_worker()
    file.refresh_from_db()
    assert file.status == FileStatus.NO_MATCH


def test_each_kind_of_result_is_read(container: Container, run_worker: Worker, admin: User) -> None:
    own = RecordingFactory.create(acr_id="5343bc191634b042622bf474ed46121a")
    music = sample("callback.music.json")
    bodies: dict[str, dict[str, Any]] = {  # Any: JSON
        "custom": sample("callback.custom.json"),
        "nothing": sample("callback.no-result.json"),
        "failure": {"state": -2, "cid": 1, "results": {}},
        "list": music | {"results": [music["results"]]},
        "real": sample("callback.observed-types.json"),
    }
    files = {name: waiting_file(container, admin, name.encode()) for name in bodies}
    for name, body in bodies.items():
        post(container, body | {"file_id": str(files[name].uid)})
    run_worker()

    for file in files.values():
        file.refresh_from_db()
    assert files["custom"].matches.get().recording == own
    assert files["nothing"].status == FileStatus.NO_MATCH
    failed = files["failure"]
    assert (failed.status, failed.error_code) == (FileStatus.ERROR, "acrcloud_error")
    assert failed.scans.get().status == ScanStatus.FAILED
    assert files["list"].matches.count() == 1
    # Ids are missing in it.
    assert files["real"].status == FileStatus.READY
    assert Detection.objects.filter(scan__scanned_file=files["real"]).count() == 4
    stubs = Recording.objects.filter(status=RecordingStatus.STUB)
    assert stubs.filter(matches__scanned_file=files["real"]).distinct().count() == 4


def test_odd_value_costs_nothing_else_of_the_result(
    container: Container, run_worker: Worker, admin: User
) -> None:
    odd_values: list[dict[str, Any]] = [  # Any: JSON
        {"score": "nan"},
        {"score": math.nan, "engine_type": math.inf},
        {"offset": -5},
        {"time_skew": 100_000, "played_duration": 1e7},
        {"result": {"title": "half \ud800", "acrid": "nul \0 half \udfff"}},
        {"result": {"external_ids": {"isrc": ["\0", "\ud800", "\\u0000"]}}},
        {"speech": ["\0", "\ud800", "\\u0000", {"\0\ud800": 1}]},
    ]
    files = []
    for number, odd in enumerate(odd_values):
        files.append(waiting_file(container, admin, bytes([number])))
        results = {"music": [odd], "others": odd}
        fields = {"file_id": str(files[-1].uid), "state": 1, "results": results}
        post(container, fields)
    run_worker()

    for file, odd in zip(files, odd_values, strict=True):
        file.refresh_from_db()
        assert file.status == FileStatus.READY, odd
        assert Detection.objects.filter(scan__scanned_file=file).count() == 1, odd


def test_callback_for_an_unknown_file_waits_until_the_file_is_known(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    body = sample("callback.music.json")

    answer = post(container, body)
    run_worker()
    assert answer == (202, "kept")
    assert InboundCallback.objects.get().outcome == CallbackOutcome.ORPHAN

    link_remote_file(scanned_file=file, remote_id=body["file_id"], user=None)
    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.READY
    assert InboundCallback.objects.get().outcome == CallbackOutcome.APPLIED


def test_result_that_nobody_waits_for_any_more_changes_nothing(
    container: Container, file: ScannedFile, run_worker: Worker, admin: User
) -> None:
    other_file = waiting_file(container, admin, b"other")
    cancel_scans(scanned_file=file, user=admin)
    post(container, sample("callback.music.json") | {"file_id": str(file.uid)})
    run_worker()
    file.refresh_from_db()
    assert file.status == FileStatus.CANCELLED
    assert not Match.objects.exists()

    # The engine was changed after the callback was kept.
    post(container, sample("callback.music.json") | {"file_id": str(other_file.uid)})
    Container.objects.update(engine=EngineChoice.EMBEDDED)
    run_worker()
    assert InboundCallback.objects.latest("pk").outcome == CallbackOutcome.REFUSED
    assert not Detection.objects.exists()


_KEYS = (
    *("music", "custom_files", "result", "title", "artists", "score", "offset"),
    *("played_duration", "acrid", "external_ids", "album", "name", "time_skew"),
    *("duration_ms", "db_begin_time_offset_ms", "sample_begin_time_offset_ms"),
)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(results=json_values)
def test_any_results_are_read_without_a_fault(results: object) -> None:
    for item in read_items(results):
        assert item.segment.end_ms > item.segment.start_ms >= 0
        assert item.segment.reference_end_ms > item.segment.reference_start_ms >= 0


@pytest.mark.skipif(
    connection.features.has_select_for_update,
    reason="only a database with one writer has bursts stored first",
)
def test_burst_is_stored_before_it_is_applied(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(tz=UTC)
    callbacks = [
        InboundCallback.objects.create(
            container=container, body="{}", body_sha256=f"{n:064x}", file_id=str(n)
        )
        for n in range(10)
    ]
    slept: list[float] = []

    def pass_time(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            quiet = now - timedelta(seconds=2)
            InboundCallback.objects.update(received_at=quiet)

    monkeypatch.setattr(callback_processing, "sleep", pass_time)
    callback_processing.let_burst_pass(callbacks[0])
    waited = len(slept)
    callbacks[0].received_at = now - timedelta(seconds=60)
    InboundCallback.objects.exclude(pk=callbacks[0].pk).update(received_at=now)
    callback_processing.let_burst_pass(callbacks[0])
    callbacks[-1].delete()
    callback_processing.let_burst_pass(callbacks[1])

    assert waited == 3
    assert len(slept) == 3
