"""The cloud engine against a scripted server: submit once, poll, store."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core.files.storage import default_storage
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

from accounts.models import User
from accounts.roles import Role
from jobs.choices import JobState, Pool
from jobs.models import Job
from jobs.runner import run_next
from scanning.choices import (
    EngineChoice,
    FileStatus,
    ScanStatus,
)
from scanning.cloud.jobs import CLOUD_DELETION
from scanning.models import (
    CloudAccount,
    CloudDeletion,
    CloudJob,
    Container,
)
from scanning.services.filing import delete_files
from scanning.services.intake import submit_link, submit_upload
from scanning.services.scans import cancel_scan, request_scan
from tests.conftest import MakeClient, upload
from tests.scanning.vendor import (
    MUSIC,
    REMOTE_ID,
    Vendor,
    check_due,
    json_answer,
    remote_file,
    run_jobs,
    send_due,
    state_of,
    submit,
)
from tests.wire.faults import Fault, faulty_proxy

SAMPLES = Path(django_settings.BASE_DIR) / "tests" / "wire" / "samples"


def test_file_is_sent_asked_for_and_stored(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    send_due()
    sent_state = state_of(file)
    vendor.file = remote_file(1, MUSIC)

    ended = check_due()

    job = CloudJob.objects.get()
    assert sent_state == (FileStatus.PROCESSING, "")
    assert ended == 1
    assert state_of(file) == (FileStatus.READY, "")
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
    submit(vendor, admin)

    send_due()

    assert "the-token" not in vendor.account.token_sealed
    assert httpserver.log[0][0].headers["Authorization"] == "Bearer the-token"


def test_changed_secret_key_is_told_as_a_token_to_enter_again(
    vendor: Vendor, admin: User, settings: Settings
) -> None:
    file = submit(vendor, admin)
    settings.SECRET_KEY = "another"

    send_due()

    assert state_of(file) == (FileStatus.WAITING, "cloud_token")
    assert "SECRET_KEY has changed" in file.message


def test_lost_answer_does_not_send_the_file_twice(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    vendor.faults = [Response("cut", 502)]
    send_due()
    assert state_of(file) == (FileStatus.WAITING, "cloud_unreachable")
    vendor.listed = [remote_file(0) | {"name": f"show.mp3 [{file.scans.get().uid}]"}]

    send_due()

    assert vendor.sends() == 1
    assert state_of(file) == (FileStatus.PROCESSING, "")
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
    first, second = submit(vendor, admin), submit(vendor, admin, b"y" * 100)
    answer.headers["Retry-After"] = "600"
    vendor.faults = [answer]

    send_due()
    send_due()

    assert state_of(first) == (FileStatus.WAITING, "cloud_quota")
    assert state_of(second) == (FileStatus.WAITING, "cloud_quota")
    assert "ACRCloud says:" in first.message
    assert len(vendor.calls) == 1


def test_wait_without_end_that_the_cloud_asks_for_is_an_hour(
    vendor: Vendor, admin: User
) -> None:
    file = submit(vendor, admin)
    vendor.faults = [Response(status=429, headers={"Retry-After": "9" * 400})]

    send_due()

    vendor.account.refresh_from_db()
    assert state_of(file) == (FileStatus.WAITING, "cloud_quota")
    assert vendor.account.paused_until is not None
    hour = datetime.now(tz=UTC) + timedelta(hours=1)
    assert vendor.account.paused_until <= hour


def test_what_waited_for_quota_goes_on_by_itself(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    vendor.faults = [json_answer({"code": 3003, "message": "Limit exceeded"}, 429)]
    with time_machine.travel(datetime.now(tz=UTC) - timedelta(hours=1), tick=False):
        send_due()

    send_due()

    vendor.account.refresh_from_db()
    assert state_of(file) == (FileStatus.PROCESSING, "")
    assert (vendor.account.paused_until, vendor.account.pauses) == (None, 0)


def test_invalid_container_is_told_as_the_wrong_region(
    vendor: Vendor, admin: User
) -> None:
    file = submit(vendor, admin)
    vendor.faults = [json_answer({"error": "Invalid Container"}, 404)]

    send_due()

    assert state_of(file) == (FileStatus.ERROR, "cloud_container")
    assert "Invalid Container" in file.message
    assert "the region is wrong" in file.message


def test_refusal_is_kept_word_for_word(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    vendor.faults = [json_answer({"message": "The file type is not allowed."}, 422)]

    send_due()

    assert state_of(file) == (FileStatus.ERROR, "cloud_refused")
    assert "422 The file type is not allowed" in file.message


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"data": []}', b'{"data": {"id": 1}}', b"<html>"]
)
def test_answers_that_cannot_be_read_are_asked_for_again(
    vendor: Vendor, admin: User, body: bytes
) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(1, MUSIC)
    vendor.faults = [Response(body, 200)]

    first = check_due()
    second = check_due()

    assert (first, second) == (0, 1)
    assert state_of(file) == (FileStatus.READY, "")


@pytest.mark.parametrize("state", [-2, -3])
def test_failure_in_the_cloud_is_an_error_not_a_no_match(
    vendor: Vendor, admin: User, state: int
) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(state)

    check_due()

    assert state_of(file) == (FileStatus.ERROR, "acrcloud_error")


def test_no_result_is_no_match(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(-1)

    check_due()

    assert state_of(file) == (FileStatus.NO_MATCH, "")


def test_file_deleted_in_the_cloud_says_so(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.faults = [json_answer({"message": "Not found"}, 404)]

    check_due()

    assert state_of(file) == (FileStatus.ERROR, "cloud_gone")


def test_silence_for_days_ends_in_an_error(
    vendor: Vendor, admin: User, settings: Settings
) -> None:
    file = submit(vendor, admin)
    send_due()
    hours = settings.ACRPORTAL_CLOUD_WAIT_HOURS + 1
    CloudJob.objects.update(sent_at=datetime.now(tz=UTC) - timedelta(hours=hours))

    check_due()

    assert state_of(file) == (FileStatus.ERROR, "cloud_silent")


def test_rescan_asks_the_cloud_to_scan_its_copy(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(1, MUSIC)
    check_due()
    vendor.file = remote_file(0)

    request_scan(scanned_file=file, user=admin)
    send_due()
    vendor.file = remote_file(1, MUSIC)
    check_due()

    assert ("PUT", f"/api/fs-containers/77/files/{REMOTE_ID}/rescan") in vendor.calls
    assert vendor.sends() == 1
    assert [scan.status for scan in file.scans.all()] == [ScanStatus.SUCCEEDED] * 2


def test_rescan_of_what_the_cloud_has_lost_sends_it_anew(
    vendor: Vendor, admin: User
) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(-1)
    check_due()
    vendor.faults = [json_answer({"message": "Not found"}, 404)]

    request_scan(scanned_file=file, user=admin)
    send_due()

    assert vendor.sends() == 2
    assert state_of(file) == (FileStatus.PROCESSING, "")


def test_deleting_a_file_deletes_the_copy_in_the_cloud(
    vendor: Vendor, admin: User
) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.faults = [Response("", 500)]

    delete_files(files=[file], user=admin, reason="test")
    run_jobs(CLOUD_DELETION)
    failed = CloudDeletion.objects.get()
    run_jobs(CLOUD_DELETION)

    assert vendor.calls[-1] == ("DELETE", f"/api/fs-containers/77/files/{REMOTE_ID}")
    assert "ACRCloud says: " in failed.said
    assert failed.done_at is None
    deletion = CloudDeletion.objects.get()
    assert (deletion.said, deletion.done_at is None) == ("", False)


def test_deletion_that_the_cloud_refuses_is_given_up(
    vendor: Vendor, admin: User
) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.faults = [json_answer({"message": "Not allowed."}, 422)]

    delete_files(files=[file], user=admin, reason="test")
    run_jobs(CLOUD_DELETION)

    job = Job.objects.get(kind=CLOUD_DELETION.name)
    assert (job.state, job.code) == (JobState.FAILED, "cloud_refused")
    assert "Not allowed" in CloudDeletion.objects.get().said


def test_cap_stops_sending_and_says_so(vendor: Vendor, admin: User) -> None:
    vendor.container.cloud_cap_hours = 1
    vendor.container.save()
    first = submit(vendor, admin)
    send_due()
    CloudJob.objects.update(sent_ms=3_600_000)

    second = submit(vendor, admin, b"y" * 100)
    send_due()

    assert vendor.sends() == 1
    assert state_of(first)[0] == FileStatus.PROCESSING
    assert state_of(second) == (FileStatus.WAITING, "cloud_cap")
    assert "limit of 1 h is reached" in second.message


def test_few_files_are_not_sent_behind_the_many_of_another_container(
    vendor: Vendor, admin: User
) -> None:
    few = Container.objects.create(
        name="Few",
        engine=EngineChoice.ACRCLOUD,
        cloud_account=vendor.account,
        cloud_container_id=78,
    )
    for number in range(3):
        submit(vendor, admin, content=b"%d" % number)
    submit_upload(container=few, upload=upload("few.mp3", b"f" * 100), user=admin)

    run_next(Pool.TALK)
    run_next(Pool.TALK)

    sent = CloudJob.objects.filter(sent_at__isnull=False)
    assert sent.count() == 2
    assert sent.filter(remote_container_id=78).exists()


def test_platform_link_goes_to_the_cloud_unfetched(vendor: Vendor, admin: User) -> None:
    submit_link(
        container=vendor.container,
        url="https://www.youtube.com/watch?v=abcdefghijk",
        user=admin,
    )

    send_due()

    sent = json.loads(vendor.bodies[0])
    assert sent["data_type"] == "platforms"
    assert sent["url"] == "https://www.youtube.com/watch?v=abcdefghijk"


def test_file_whose_audio_is_lost_is_not_tried_for_ever(
    vendor: Vendor, admin: User
) -> None:
    file = submit(vendor, admin)
    default_storage.delete(str(file.media))

    send_due()

    assert state_of(file) == (FileStatus.ERROR, "audio_removed")


def test_cancelled_scan_is_not_sent(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)

    cancel_scan(scan=file.scans.get(), user=admin)
    send_due()

    assert not vendor.calls
    assert state_of(file) == (FileStatus.CANCELLED, "")


def test_answer_that_stalls_in_the_middle_is_given_up_and_asked_for_again(
    vendor: Vendor, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(1, MUSIC)
    monkeypatch.setattr("common.http._CONNECT_READ_SECONDS", (5.0, 0.2))
    address = urlsplit(vendor.account.base_url)
    with faulty_proxy(f"http://{address.netloc}") as proxy:
        CloudAccount.objects.update(base_url=f"{proxy.base}{address.path}")
        proxy.decide = lambda _method, _path: Fault.STALLED
        stalled = check_due()
        said = CloudJob.objects.get().said
        proxy.decide = lambda _method, _path: None
        ended = check_due()

    assert (stalled, ended) == (0, 1)
    assert proxy.spoiled() == 1
    assert said
    assert state_of(file) == (FileStatus.READY, "")


def test_answer_to_an_upload_that_stalls_does_not_send_the_file_twice(
    vendor: Vendor, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = submit(vendor, admin)
    monkeypatch.setattr("common.http._CONNECT_READ_SECONDS", (5.0, 0.2))
    address = urlsplit(vendor.account.base_url)
    with faulty_proxy(f"http://{address.netloc}") as proxy:
        CloudAccount.objects.update(base_url=f"{proxy.base}{address.path}")
        proxy.decide = lambda _method, _path: Fault.STALLED
        send_due()
        waiting = state_of(file)
        arrived = remote_file(0) | {"name": f"show [{file.scans.get().uid}]"}
        vendor.listed = [arrived]
        proxy.decide = lambda _method, _path: None
        send_due()

    assert waiting == (FileStatus.WAITING, "cloud_unreachable")
    assert vendor.sends() == 1
    assert state_of(file) == (FileStatus.PROCESSING, "")


def test_what_names_no_recording_is_kept_and_shown(
    vendor: Vendor, admin: User, signed_in: MakeClient
) -> None:
    sample = json.loads((SAMPLES / "results.sections.json").read_text("utf-8"))
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(1, sample | {"new_thing": [{"a\x00": 1}], "none": []})

    check_due()

    scan = file.scans.get()
    named = {"music", "cover_songs", "custom_files"}
    filled = {name for name, value in sample.items() if value and name not in named}
    assert set(scan.other_sections) == filled | {"new_thing"}
    assert scan.other_sections["music_speech"] == sample["music_speech"]
    page = signed_in(Role.VIEWER).get(f"/files/{file.uid}/").content.decode()
    assert "Also in the engine's answer" in page
    assert "Music and speech" in page
    assert "AI music – advice only" in page
    assert "New thing" in page
