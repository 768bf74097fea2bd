"""The callback view: ACRCloud results update files once, and never backwards."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from catalogue.models import Recording, RecordingStatus
from review.models import Match
from scanning import callback_processing, retention
from scanning.choices import CallbackOutcome, EngineChoice, FileStatus, ScanStatus
from scanning.engines.acrcloud_results import read_items
from scanning.models import Container, Detection, InboundCallback, ScannedFile
from scanning.services.callbacks import link_remote_file, replay
from scanning.services.containers import inbound_callback_url, update_container
from scanning.services.intake import submit_upload
from scanning.services.scans import cancel_scans, request_scan
from tests.conftest import Worker, upload
from tests.factories.catalogue import RecordingFactory

SAMPLES = Path(django_settings.BASE_DIR) / "tests" / "wire" / "samples"


def sample(name: str) -> dict[str, Any]:  # Any: JSON
    return dict(json.loads((SAMPLES / name).read_text(encoding="utf-8")))


@pytest.fixture
def container(transactional_db: None) -> Container:
    """Return a container that ACRCloud scans."""
    return Container.objects.create(name="Cloud", engine=EngineChoice.ACRCLOUD)


@pytest.fixture
def file(container: Container, admin: User) -> ScannedFile:
    """Return a file that waits for ACRCloud."""
    taken = submit_upload(
        container=container, upload=upload("a.mp3", b"x" * 100), user=admin
    )
    return taken.scanned_file


def address(container: Container) -> str:
    return reverse(
        "scanning:acrcloud_callback", args=[container.pk, container.callback_secret]
    )


def post(container: Container, body: object) -> tuple[int, str]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Client().post(address(container), raw, content_type="application/json")
    return answer.status_code, answer.json()["code"]


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


def test_wrong_secret_is_not_found(container: Container) -> None:
    url = reverse("scanning:acrcloud_callback", args=[container.pk, "guess"])

    answer = Client().post(url, b"{}", content_type="application/json")

    assert answer.status_code == 404
    assert not InboundCallback.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b'{"state": 1}',
        b'{"file_id": "", "state": 1}',
        b'{"file_id": "a", "state": "1"}',
        b'{"file_id": "a", "state": true}',
        b'{"file_id": "a", "state": 7}',
        b'{"file_id": "a", "state": 1, "results": 5}',
        b'{"file_id": "a\\ud800", "state": 1}',
        b'{"file_id": "a\\u0000", "state": 1}',
        b"[" * 100_000,
    ],
)
def test_malformed_bodies_are_refused_and_not_kept(
    container: Container, body: bytes
) -> None:
    assert post(container, body) == (422, "malformed")
    assert not InboundCallback.objects.exists()


def test_oversized_body_is_refused(container: Container, settings: Settings) -> None:
    settings.ACRPORTAL_CALLBACK_MAX_BYTES = 100

    assert post(container, b" " * 101) == (413, "too_large")


def test_get_is_not_allowed(container: Container) -> None:
    assert Client().get(address(container)).status_code == 405


@pytest.fixture
def scanned_here(
    transactional_db: None, admin: User, run_worker: Worker
) -> ScannedFile:
    """Return a file that the embedded engine has scanned."""
    container = Container.objects.create(name="Here", engine=EngineChoice.EMBEDDED)
    taken = submit_upload(
        container=container, upload=upload("a.mp3", b"x" * 100), user=admin
    )
    run_worker()
    taken.scanned_file.refresh_from_db()
    return taken.scanned_file


def test_container_of_the_embedded_engine_has_no_callback_address(
    scanned_here: ScannedFile, run_worker: Worker
) -> None:
    before = (scanned_here.scans.count(), scanned_here.status)
    body = sample("callback.music.json") | {"file_id": str(scanned_here.uid)}

    answer = post(scanned_here.container, body)
    run_worker()

    scanned_here.refresh_from_db()
    assert answer == (404, "unknown_address")
    assert inbound_callback_url(scanned_here.container) == ""
    assert (scanned_here.scans.count(), scanned_here.status) == before
    assert not Match.objects.exists()


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


def test_another_engine_changes_the_address_and_ends_the_waiting(
    container: Container, file: ScannedFile, admin: User
) -> None:
    old = address(container)

    update_container(
        container=container, columns={"engine": EngineChoice.EMBEDDED}, user=admin
    )
    update_container(
        container=container, columns={"engine": EngineChoice.ACRCLOUD}, user=admin
    )

    answer = Client().post(old, b"{}", content_type="application/json")
    file.refresh_from_db()
    assert answer.status_code == 404
    assert post(container, {"file_id": "a", "state": 0})[0] == 202
    assert file.status == FileStatus.CANCELLED


def test_address_stays_while_the_engine_does(container: Container, admin: User) -> None:
    old = address(container)

    update_container(container=container, columns={"name": "Other"}, user=admin)

    assert address(Container.objects.get()) == old


@pytest.mark.parametrize("page", ["portal:container_edit", "admin"])
def test_pages_change_the_address_with_the_engine(
    container: Container, admin: User, client: Client, page: str
) -> None:
    client.force_login(admin)
    old = container.callback_secret
    url = (
        reverse("admin:scanning_container_change", args=[container.pk])
        if page == "admin"
        else reverse(page, args=[container.pk])
    )
    fields = {
        "name": "Cloud",
        "audio_type": "linein",
        "score_floor": "50.0",
        "upload_audio": "original",
        "link_audio": "original",
    }

    same = client.post(url, fields | {"engine": "acrcloud"})
    container.refresh_from_db()
    kept = container.callback_secret
    answer = client.post(url, fields | {"engine": "embedded"})
    container.refresh_from_db()

    assert (same.status_code, answer.status_code) == (302, 302)
    assert kept == old
    assert container.callback_secret != old


def _orphan(number: int) -> dict[str, object]:
    return {"file_id": f"unknown-{number}", "state": 1, "results": {"n": number}}


def test_callbacks_for_unknown_files_are_limited_in_number(
    container: Container, file: ScannedFile, settings: Settings
) -> None:
    settings.ACRPORTAL_ORPHANS_PER_ADDRESS = 3
    other = Container.objects.create(name="Other", engine=EngineChoice.ACRCLOUD)

    answers = [post(container, _orphan(number)) for number in range(5)]

    assert answers == [(202, "kept")] * 3 + [(429, "too_many_kept")] * 2
    assert InboundCallback.objects.count() == 3
    assert post(container, _orphan(2)) == (200, "repeated")
    assert post(other, _orphan(9)) == (202, "kept")
    known = {"file_id": str(file.uid), "state": 0, "results": {}}
    assert post(container, known) == (202, "accepted")


def test_callbacks_for_unknown_files_are_limited_in_bytes(
    container: Container, settings: Settings
) -> None:
    settings.ACRPORTAL_ORPHAN_BYTES = 1000

    answers = [
        post(container, _orphan(number) | {"name": "x" * 400}) for number in range(3)
    ]

    assert [status for status, _ in answers] == [202, 202, 429]


def test_room_comes_back_when_the_file_is_known(
    container: Container,
    file: ScannedFile,
    settings: Settings,
    run_worker: Worker,
) -> None:
    settings.ACRPORTAL_ORPHANS_PER_ADDRESS = 1
    post(container, _orphan(1))
    run_worker()
    link_remote_file(scanned_file=file, remote_id="unknown-1", user=None)
    run_worker()

    assert post(container, _orphan(2)) == (202, "kept")


def test_callback_whose_file_never_comes_is_deleted(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    post(container, _orphan(1))
    post(container, {"file_id": str(file.uid), "state": 0, "results": {}})
    run_worker()
    old = datetime.now(tz=UTC) - timedelta(days=8)
    InboundCallback.objects.update(received_at=old)
    post(container, _orphan(2))
    run_worker()

    retention.forget_callbacks()

    left = InboundCallback.objects.order_by("pk").values_list("file_id", flat=True)
    assert list(left) == [str(file.uid), "unknown-2"]


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
