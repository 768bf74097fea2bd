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

from accounts.models import User
from catalogue.models import Recording, RecordingStatus
from review.models import Match
from scanning import callback_processing
from scanning.choices import CallbackOutcome, EngineChoice, FileStatus, ScanStatus
from scanning.engines.acrcloud_results import read_items
from scanning.models import Container, Detection, InboundCallback, ScannedFile
from scanning.services.callbacks import link_remote_file, replay
from scanning.services.scans import cancel_scans, request_scan
from tests.conftest import Worker
from tests.factories.catalogue import RecordingFactory
from tests.scanning.callbacks import cloud_container, post, sample, waiting_file


@pytest.fixture
def container(transactional_db: None) -> Container:
    """Return a container that ACRCloud scans."""
    return cloud_container()


@pytest.fixture
def file(container: Container, admin: User) -> ScannedFile:
    """Return a file that waits for ACRCloud."""
    return waiting_file(container, admin)


def test_music_result_makes_file_ready_with_a_match_of_a_stub_recording(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    body = sample("callback.music.json") | {"file_id": str(file.uid)}

    answer = post(container, body)
    run_worker()

    file.refresh_from_db()
    match = Match.objects.get()
    assert answer == (202, "accepted")
    assert file.status == FileStatus.READY
    assert match.recording.status == RecordingStatus.STUB
    assert match.recording.bucket_id == 23
    assert match.recording.acr_id == "e8b02eab3fd1d2745f460fb608b7b5c1"
    assert (match.first_start_ms, match.last_end_ms) == (0, 164_000)
    assert match.score == 100
    assert match.score_scale == "0-100:acrcloud"


def test_custom_file_result_matches_our_own_recording(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    own = RecordingFactory.create(acr_id="5343bc191634b042622bf474ed46121a")
    body = sample("callback.custom.json") | {"file_id": str(file.uid)}

    post(container, body)
    run_worker()

    assert Match.objects.get().recording == own


def test_receiving_reads_container_and_file_once(
    container: Container, file: ScannedFile
) -> None:
    body = sample("callback.no-result.json") | {"file_id": str(file.uid)}

    with CaptureQueriesContext(connection) as queries:
        assert post(container, body) == (202, "accepted")

    # Bursts of thousands arrive at one address.
    read = [
        q["sql"]
        for q in queries
        if q["sql"].startswith("SELECT") and "FROM" in q["sql"]
    ]
    tables = [sql.split(' FROM "')[1].split('"')[0] for sql in read]
    assert tables == ["scanning_container", "scanning_scannedfile", "jobs_job"]


def test_no_result_ends_as_no_match(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    body = sample("callback.no-result.json") | {"file_id": str(file.uid)}

    post(container, body)
    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.NO_MATCH


def test_same_body_twice_changes_nothing(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    body = sample("callback.music.json") | {"file_id": str(file.uid)}
    post(container, body)
    run_worker()
    before = list(Match.objects.values())

    answer = post(container, body)
    run_worker()

    assert answer == (200, "repeated")
    assert list(Match.objects.values()) == before
    assert Detection.objects.count() == 1
    assert file.scans.count() == 1
    assert InboundCallback.objects.get().times_received == 2


def test_same_result_in_other_words_changes_nothing(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    body = sample("callback.music.json") | {"file_id": str(file.uid)}
    post(container, body)
    run_worker()

    answer = post(container, json.dumps(body, indent=3).encode())
    run_worker()

    assert answer == (202, "accepted")
    assert Match.objects.count() == 1
    assert InboundCallback.objects.latest("pk").outcome == CallbackOutcome.UNCHANGED


def test_late_failure_does_not_move_a_finished_file_backwards(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    body = sample("callback.music.json") | {"file_id": str(file.uid)}
    post(container, body)
    run_worker()

    post(container, {"file_id": str(file.uid), "state": -3, "cid": 1, "results": {}})
    post(container, {"file_id": str(file.uid), "state": 0, "cid": 1, "results": {}})
    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.READY


def test_failure_of_a_waiting_file_is_shown_on_it(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    post(container, {"file_id": str(file.uid), "state": -2, "cid": 1, "results": {}})
    run_worker()

    file.refresh_from_db()
    assert (file.status, file.error_code) == (FileStatus.ERROR, "acrcloud_error")
    assert file.scans.get().status == ScanStatus.FAILED


def test_results_as_a_list_are_read(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    body = sample("callback.music.json")
    body |= {"file_id": str(file.uid), "results": [body["results"]]}

    post(container, body)
    run_worker()

    assert Match.objects.count() == 1


def test_real_payload_with_missing_ids_is_read_whole(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    body = sample("callback.observed-types.json") | {"file_id": str(file.uid)}

    post(container, body)
    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.READY
    assert Detection.objects.count() == 4
    assert Recording.objects.filter(status=RecordingStatus.STUB).count() == 4


@pytest.mark.parametrize(
    "odd",
    [
        {"score": "nan"},
        {"score": math.nan, "engine_type": math.inf},
        {"offset": -5},
        {"time_skew": 100_000, "played_duration": 1e7},
        {"result": {"title": "half \ud800", "acrid": "nul \0 half \udfff"}},
        {"result": {"external_ids": {"isrc": ["\0", "\ud800", "\\u0000"]}}},
        {"speech": ["\0", "\ud800", "\\u0000", {"\0\ud800": 1}]},
    ],
)
def test_odd_value_costs_nothing_else_of_the_result(
    container: Container,
    file: ScannedFile,
    run_worker: Worker,
    odd: dict[str, Any],  # Any: JSON
) -> None:
    results = {"music": [odd], "others": odd}

    post(container, {"file_id": str(file.uid), "state": 1, "results": results})
    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.READY
    assert Detection.objects.count() == 1


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


def test_callback_kept_before_the_engine_changed_is_refused(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    post(container, sample("callback.music.json") | {"file_id": str(file.uid)})
    Container.objects.update(engine=EngineChoice.EMBEDDED)

    run_worker()

    assert InboundCallback.objects.get().outcome == CallbackOutcome.REFUSED
    assert not Detection.objects.exists()


def test_new_result_that_no_scan_waits_for_changes_nothing(
    container: Container, file: ScannedFile, run_worker: Worker, admin: User
) -> None:
    music = sample("callback.music.json") | {"file_id": str(file.uid)}
    nothing = sample("callback.no-result.json") | {"file_id": str(file.uid)}
    post(container, music)
    run_worker()

    post(container, nothing)
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


def test_result_after_the_scan_was_cancelled_changes_nothing(
    container: Container, file: ScannedFile, run_worker: Worker, admin: User
) -> None:
    cancel_scans(scanned_file=file, user=admin)

    post(container, sample("callback.music.json") | {"file_id": str(file.uid)})
    run_worker()

    file.refresh_from_db()
    assert file.status == FileStatus.CANCELLED
    assert not Match.objects.exists()


_KEYS = (
    *("music", "custom_files", "result", "title", "artists", "score", "offset"),
    *("played_duration", "acrid", "external_ids", "album", "name", "time_skew"),
    *("duration_ms", "db_begin_time_offset_ms", "sample_begin_time_offset_ms"),
)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=6,
        )
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
    kept = [
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
    callback_processing.let_burst_pass(kept[0])
    waited = len(slept)
    kept[0].received_at = now - timedelta(seconds=60)
    InboundCallback.objects.exclude(pk=kept[0].pk).update(received_at=now)
    callback_processing.let_burst_pass(kept[0])
    kept[-1].delete()
    callback_processing.let_burst_pass(kept[1])

    assert waited == 3
    assert len(slept) == 3
