"""The cloud engine against a server of scripted answers: sent once, asked, stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

from accounts.models import User
from accounts.roles import Role
from scanning import cloud_pipeline
from scanning.choices import (
    CallbackOutcome,
    EngineChoice,
    FileStatus,
    ScanStatus,
)
from scanning.models import (
    CloudAccount,
    CloudDeletion,
    CloudJob,
    Container,
    InboundCallback,
    ScannedFile,
)
from scanning.services import cloud
from scanning.services.intake import submit_link, submit_upload
from scanning.services.removal import delete_files
from scanning.services.scans import cancel_scan, request_scan
from tests.conftest import MakeClient, Worker, upload
from tests.scanning.vendor import MUSIC, REMOTE_ID, Vendor, json_answer, remote_file
from tests.wire.faults import Fault, faulty_proxy

SAMPLES = Path(django_settings.BASE_DIR) / "tests" / "wire" / "samples"


def _submit(vendor: Vendor, user: User, content: bytes = b"x" * 100) -> ScannedFile:
    return submit_upload(
        container=vendor.container, upload=upload("show.mp3", content), user=user
    ).scanned_file


def _send() -> None:
    cloud.send_due(owner="test")


def _check() -> int:
    return cloud.check_due(owner="test")


def _state(file: ScannedFile) -> tuple[str, str]:
    file.refresh_from_db()
    return file.status, file.error_code


def test_file_is_sent_asked_for_and_stored(vendor: Vendor, admin: User) -> None:
    file = _submit(vendor, admin)
    _send()
    sent_state = _state(file)
    vendor.file = remote_file(1, MUSIC)

    ended = _check()

    job = CloudJob.objects.get()
    assert sent_state == (FileStatus.PROCESSING, "")
    assert ended == 1
    assert _state(file) == (FileStatus.READY, "")
    assert file.remote_id == REMOTE_ID
    assert file.duration_ms == 60_000
    assert json.loads(job.raw_text)["data"][0]["results"] == MUSIC
    assert job.sent_ms == 60_000
    body = vendor.bodies[0]
    assert b"x" * 100 in body
    assert f"[{job.scan.uid}]".encode() in body


def test_token_is_stored_sealed_and_sent(
    vendor: Vendor, admin: User, httpserver: HTTPServer
) -> None:
    _submit(vendor, admin)

    _send()

    assert "the-token" not in vendor.account.token_sealed
    assert httpserver.log[0][0].headers["Authorization"] == "Bearer the-token"


def test_changed_secret_key_is_told_as_a_token_to_enter_again(
    vendor: Vendor, admin: User, settings: Settings
) -> None:
    file = _submit(vendor, admin)
    settings.SECRET_KEY = "another"

    _send()

    assert _state(file) == (FileStatus.WAITING, "cloud_token")
    assert "SECRET_KEY has changed" in file.message


def test_lost_answer_does_not_send_the_file_twice(vendor: Vendor, admin: User) -> None:
    file = _submit(vendor, admin)
    vendor.faults = [Response("cut", 502)]
    _send()
    assert _state(file) == (FileStatus.WAITING, "cloud_unreachable")
    vendor.listed = [remote_file(0) | {"name": f"show.mp3 [{file.scans.get().uid}]"}]

    _send()

    assert vendor.sends() == 1
    assert _state(file) == (FileStatus.PROCESSING, "")
    assert file.remote_id == REMOTE_ID


@pytest.mark.parametrize(
    "answer",
    [
        json_answer({"status": {"code": 3003, "msg": "Limit exceeded"}}),
        json_answer({"message": "Too Many Attempts."}, 429),
        json_answer({"error": "quota", "code": 3003}, 403),
    ],
)
def test_quota_answer_lets_everything_of_the_account_wait(
    vendor: Vendor, admin: User, answer: Response
) -> None:
    first, second = _submit(vendor, admin), _submit(vendor, admin, b"y" * 100)
    answer.headers["Retry-After"] = "600"
    vendor.faults = [answer]

    _send()
    _send()

    assert _state(first) == (FileStatus.WAITING, "cloud_quota")
    assert _state(second) == (FileStatus.WAITING, "cloud_quota")
    assert "ACRCloud says:" in first.message
    assert len(vendor.calls) == 1


def test_what_waited_for_quota_goes_on_by_itself(vendor: Vendor, admin: User) -> None:
    file = _submit(vendor, admin)
    vendor.faults = [json_answer({"code": 3003, "message": "Limit exceeded"}, 429)]
    with time_machine.travel(datetime.now(tz=UTC) - timedelta(hours=1), tick=False):
        CloudJob.objects.update(due_at=datetime.now(tz=UTC))
        _send()

    _send()

    vendor.account.refresh_from_db()
    assert _state(file) == (FileStatus.PROCESSING, "")
    assert (vendor.account.paused_until, vendor.account.pauses) == (None, 0)


def test_invalid_container_is_told_as_the_wrong_region(
    vendor: Vendor, admin: User
) -> None:
    file = _submit(vendor, admin)
    vendor.faults = [json_answer({"error": "Invalid Container"}, 404)]

    _send()

    assert _state(file) == (FileStatus.ERROR, "cloud_container")
    assert "Invalid Container" in file.message
    assert "wrong region" in file.message


def test_refusal_is_kept_word_for_word(vendor: Vendor, admin: User) -> None:
    file = _submit(vendor, admin)
    vendor.faults = [json_answer({"message": "The file type is not allowed."}, 422)]

    _send()

    assert _state(file) == (FileStatus.ERROR, "cloud_refused")
    assert "422 The file type is not allowed" in file.message


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"data": []}', b'{"data": {"id": 1}}', b"<html>"]
)
def test_answers_that_cannot_be_read_are_asked_for_again(
    vendor: Vendor, admin: User, body: bytes
) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(1, MUSIC)
    vendor.faults = [Response(body, 200)]

    first = _check()
    second = _check()

    assert (first, second) == (0, 1)
    assert _state(file) == (FileStatus.READY, "")


@pytest.mark.parametrize("state", [-2, -3])
def test_failure_in_the_cloud_is_an_error_not_a_no_match(
    vendor: Vendor, admin: User, state: int
) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(state)

    _check()

    assert _state(file) == (FileStatus.ERROR, "acrcloud_error")


def test_no_result_is_no_match(vendor: Vendor, admin: User) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(-1)

    _check()

    assert _state(file) == (FileStatus.NO_MATCH, "")


def test_file_deleted_in_the_cloud_says_so(vendor: Vendor, admin: User) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.faults = [json_answer({"message": "Not found"}, 404)]

    _check()

    assert _state(file) == (FileStatus.ERROR, "cloud_gone")


def test_silence_for_days_ends_in_an_error(
    vendor: Vendor, admin: User, settings: Settings
) -> None:
    file = _submit(vendor, admin)
    _send()
    hours = settings.ACRPORTAL_CLOUD_WAIT_HOURS + 1
    CloudJob.objects.update(sent_at=datetime.now(tz=UTC) - timedelta(hours=hours))

    _check()

    assert _state(file) == (FileStatus.ERROR, "cloud_silent")


def test_rescan_asks_the_cloud_to_scan_its_copy(vendor: Vendor, admin: User) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(1, MUSIC)
    _check()
    vendor.file = remote_file(0)

    request_scan(scanned_file=file, user=admin)
    _send()
    vendor.file = remote_file(1, MUSIC)
    _check()

    assert ("PUT", f"/api/fs-containers/77/files/{REMOTE_ID}/rescan") in vendor.calls
    assert vendor.sends() == 1
    assert [scan.status for scan in file.scans.all()] == [ScanStatus.SUCCEEDED] * 2


def test_rescan_of_what_the_cloud_has_lost_sends_it_anew(
    vendor: Vendor, admin: User
) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(-1)
    _check()
    vendor.faults = [json_answer({"message": "Not found"}, 404)]

    request_scan(scanned_file=file, user=admin)
    _send()

    assert vendor.sends() == 2
    assert _state(file) == (FileStatus.PROCESSING, "")


def test_deleting_a_file_deletes_the_copy_in_the_cloud(
    vendor: Vendor, admin: User
) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.faults = [Response("", 500)]

    delete_files(files=[file], user=admin, reason="test")
    _send()
    _send()

    assert vendor.calls[-1] == ("DELETE", f"/api/fs-containers/77/files/{REMOTE_ID}")
    assert CloudDeletion.objects.get().done_at is not None


def test_cap_stops_sending_and_says_so(vendor: Vendor, admin: User) -> None:
    vendor.container.cloud_cap_hours = 1
    vendor.container.save()
    first = _submit(vendor, admin)
    _send()
    CloudJob.objects.update(sent_ms=3_600_000)

    second = _submit(vendor, admin, b"y" * 100)
    _send()

    assert vendor.sends() == 1
    assert _state(first)[0] == FileStatus.PROCESSING
    assert _state(second) == (FileStatus.WAITING, "cloud_cap")
    assert "limit of 1 h reached" in second.message


def test_few_files_are_not_sent_behind_the_many_of_another_container(
    vendor: Vendor, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_pipeline, "_PER_ROUND", 2)
    few = Container.objects.create(
        name="Few",
        engine=EngineChoice.ACRCLOUD,
        cloud_account=vendor.account,
        cloud_container_id=78,
    )
    for number in range(3):
        _submit(vendor, admin, content=b"%d" % number)
    submit_upload(container=few, upload=upload("few.mp3", b"f" * 100), user=admin)

    _send()

    sent = CloudJob.objects.filter(sent_at__isnull=False)
    assert sent.count() == 2
    assert sent.filter(remote_container_id=78).exists()


def test_platform_link_goes_to_the_cloud_unfetched(vendor: Vendor, admin: User) -> None:
    submit_link(
        container=vendor.container,
        url="https://www.youtube.com/watch?v=abcdefghijk",
        user=admin,
    )

    _send()

    told = json.loads(vendor.bodies[0])
    assert told["data_type"] == "platforms"
    assert told["url"] == "https://www.youtube.com/watch?v=abcdefghijk"


def test_cancelled_scan_is_not_sent(vendor: Vendor, admin: User) -> None:
    file = _submit(vendor, admin)

    cancel_scan(scan=file.scans.get(), user=admin)
    _send()

    assert not vendor.calls
    assert _state(file) == (FileStatus.CANCELLED, "")


def _call_back(account: CloudAccount, body: object, sender: str = "127.0.0.1") -> int:
    url = reverse(
        "scanning:account_callback", args=[account.pk, account.callback_secret]
    )
    raw = json.dumps(body).encode()
    answer = Client(REMOTE_ADDR=sender).post(url, raw, content_type="application/json")
    return answer.status_code


def _body(state: int, results: object) -> dict[str, object]:
    return {"file_id": REMOTE_ID, "state": state, "cid": 77, "results": results}


def test_callback_has_the_result_fetched_and_is_not_trusted_itself(
    vendor: Vendor, admin: User, run_worker: Worker, settings: Settings
) -> None:
    settings.ACRPORTAL_CLOUD_POLL_SECONDS = 600.0
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(-1)

    status = _call_back(vendor.account, _body(1, MUSIC))
    run_worker()

    assert status == 202
    assert _state(file) == (FileStatus.NO_MATCH, "")


def test_callback_before_the_answer_to_the_upload_finds_its_file(
    vendor: Vendor, admin: User, run_worker: Worker, settings: Settings
) -> None:
    settings.ACRPORTAL_CLOUD_POLL_SECONDS = 600.0
    file = _submit(vendor, admin)
    CloudJob.objects.update(due_at=datetime.now(tz=UTC) + timedelta(hours=1))
    _call_back(vendor.account, _body(1, MUSIC))
    run_worker()
    assert InboundCallback.objects.get().outcome == CallbackOutcome.ORPHAN
    CloudJob.objects.update(due_at=datetime.now(tz=UTC))
    vendor.file = remote_file(1, MUSIC)

    _send()
    _check()

    assert _state(file) == (FileStatus.READY, "")
    assert InboundCallback.objects.get().outcome == CallbackOutcome.APPLIED


def test_late_repeated_callbacks_change_nothing(
    vendor: Vendor, admin: User, run_worker: Worker
) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(1, MUSIC)
    _check()

    _call_back(vendor.account, _body(1, MUSIC))
    _call_back(vendor.account, _body(1, MUSIC))
    _call_back(vendor.account, _body(0, None))
    run_worker()

    assert file.scans.count() == 1
    assert _state(file) == (FileStatus.READY, "")


def test_rescan_in_the_clouds_own_console_brings_its_new_result(
    vendor: Vendor, admin: User, run_worker: Worker
) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(-1)
    _check()
    vendor.file = remote_file(1, MUSIC)

    _call_back(vendor.account, _body(1, MUSIC))
    run_worker()

    assert _state(file) == (FileStatus.READY, "")
    assert file.scans.count() == 2


def test_callback_from_a_foreign_network_is_not_found(vendor: Vendor) -> None:
    vendor.account.callback_networks = "192.0.2.0/24"
    vendor.account.save()

    statuses = [
        _call_back(vendor.account, _body(0, None), sender)
        for sender in ("192.0.2.7", "198.51.100.7")
    ]

    assert statuses == [202, 404]


def test_trial_names_a_container_that_is_not_there(vendor: Vendor) -> None:
    vendor.file = {"id": 5, "name": "Other", "region": "eu-west-1"}

    trial = cloud.try_account(account=vendor.account)

    assert not trial.works
    assert "container 77 is not in this account" in trial.notes[0]
    assert "5 Other" in trial.notes[0]


def test_trial_names_the_wrong_region(vendor: Vendor) -> None:
    vendor.file = {"id": 77, "name": "Cloud", "region": "us-west-2"}

    trial = cloud.try_account(account=vendor.account)

    assert "region us-west-2" in trial.notes[0]


def test_trial_names_a_wrong_token(vendor: Vendor) -> None:
    vendor.faults = [json_answer({"message": "Unauthenticated."}, 401)]

    trial = cloud.try_account(account=vendor.account)

    assert not trial.works
    assert "token is wrong" in trial.notes[0]


def test_trial_names_a_wrong_address(vendor: Vendor) -> None:
    vendor.account.base_url = "http://127.0.0.1:9/api"

    trial = cloud.try_account(account=vendor.account)

    assert "Check the base address" in trial.notes[0]


def test_working_trial_says_what_it_found(vendor: Vendor) -> None:
    vendor.file = {"id": 77, "name": "Cloud", "region": "eu-west-1"}

    trial = cloud.try_account(account=vendor.account)

    assert trial.works
    assert "1 containers in eu-west-1" in trial.notes[0]


def test_answer_that_stalls_in_the_middle_is_given_up_and_asked_for_again(
    vendor: Vendor, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(1, MUSIC)
    monkeypatch.setattr("common.http._CONNECT_READ_SECONDS", (5.0, 0.2))
    address = urlsplit(vendor.account.base_url)
    with faulty_proxy(f"http://{address.netloc}") as proxy:
        CloudAccount.objects.update(base_url=f"{proxy.base}{address.path}")
        proxy.decide = lambda _method, _path: Fault.STALLED
        stalled = _check()
        said = CloudJob.objects.get().said
        proxy.decide = lambda _method, _path: None
        ended = _check()

    assert (stalled, ended) == (0, 1)
    assert proxy.spoiled() == 1
    assert said
    assert _state(file) == (FileStatus.READY, "")


def test_answer_to_an_upload_that_stalls_does_not_send_the_file_twice(
    vendor: Vendor, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _submit(vendor, admin)
    monkeypatch.setattr("common.http._CONNECT_READ_SECONDS", (5.0, 0.2))
    address = urlsplit(vendor.account.base_url)
    with faulty_proxy(f"http://{address.netloc}") as proxy:
        CloudAccount.objects.update(base_url=f"{proxy.base}{address.path}")
        proxy.decide = lambda _method, _path: Fault.STALLED
        _send()
        waiting = _state(file)
        arrived = remote_file(0) | {"name": f"show [{file.scans.get().uid}]"}
        vendor.listed = [arrived]
        proxy.decide = lambda _method, _path: None
        _send()

    assert waiting == (FileStatus.WAITING, "cloud_unreachable")
    assert vendor.sends() == 1
    assert _state(file) == (FileStatus.PROCESSING, "")


def test_what_names_no_recording_is_kept_and_shown(
    vendor: Vendor, admin: User, signed_in: MakeClient
) -> None:
    sample = json.loads((SAMPLES / "results.sections.json").read_text("utf-8"))
    file = _submit(vendor, admin)
    _send()
    vendor.file = remote_file(1, sample | {"new_thing": [{"a\x00": 1}], "none": []})

    _check()

    scan = file.scans.get()
    named = {"music", "cover_songs", "custom_files"}
    filled = {name for name, told in sample.items() if told and name not in named}
    assert set(scan.other_sections) == filled | {"new_thing"}
    assert scan.other_sections["music_speech"] == sample["music_speech"]
    page = signed_in(Role.VIEWER).get(f"/files/{file.uid}/").content.decode()
    assert "Also in the engine&#x27;s answer" in page or "engine's answer" in page
    assert "Music and speech" in page
    assert "AI music – advice only" in page
    assert "New thing" in page
