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

from base.accounts.models import User
from base.accounts.roles import Role
from base.jobs.choices import JobState, Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from scanning.choices import EngineChoice, FileStatus, ScanStatus
from scanning.cloud_jobs import CLOUD_DELETION
from scanning.models import CloudAccount, CloudDeletion, CloudJob, Container, ScannedFile
from scanning.services.filing import delete_files
from scanning.services.intake import submit_link, submit_upload
from scanning.services.scans import cancel_scan, request_scan
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import MakeClient, upload
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


def test_file_is_sent_asked_for_stored_scanned_again_and_deleted(
    vendor: Vendor, admin: User, httpserver: HTTPServer
) -> None:
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
    assert file.length_ms == 60_000
    assert json.loads(job.raw_text)["data"][0]["results"] == MUSIC
    assert job.sent_ms == 60_000
    body = vendor.bodies[0]
    assert b"x" * 100 in body
    assert f"[{job.scan.uid}]".encode() in body
    assert "the-token" not in vendor.account.token_sealed
    assert httpserver.log[0][0].headers["Authorization"] == "Bearer the-token"

    # A rescan asks the cloud to scan its copy.
    vendor.file = remote_file(0)
    request_scan(scanned_file=file, user=admin)
    send_due()
    vendor.file = remote_file(1, MUSIC)
    check_due()
    assert ("PUT", f"/api/fs-containers/77/files/{REMOTE_ID}/rescan") in vendor.calls
    assert vendor.sends() == 1
    assert [scan.status for scan in file.scans.all()] == [ScanStatus.SUCCEEDED] * 2

    # A deletion that the cloud refuses is given up.
    vendor.faults = [json_answer({"message": "Not allowed."}, 422)]
    delete_files(files=[file], user=admin, reason="test")
    run_jobs(CLOUD_DELETION)
    deletion = Job.objects.get(kind=CLOUD_DELETION.name)
    assert (deletion.state, deletion.code) == (JobState.FAILED, "cloud_refused")
    assert "Not allowed" in CloudDeletion.objects.get().said


def test_lost_answer_does_not_send_the_file_twice(vendor: Vendor, admin: User) -> None:
    file = submit(vendor, admin)
    vendor.faults = [Response("cut", 502)]
    send_due()
    assert state_of(file) == (FileStatus.WAITING, "cloud_unreachable")
    vendor.listing = [remote_file(0) | {"name": f"show.mp3 [{file.scans.get().uid}]"}]

    send_due()

    assert vendor.sends() == 1
    assert state_of(file) == (FileStatus.PROCESSING, "")
    assert file.remote_id == REMOTE_ID

    # Answers that cannot be read are asked for again.
    vendor.file = remote_file(1, MUSIC)
    for answer in (b"", b"{", b"[]", b'{"data": []}', b'{"data": {"id": 1}}', b"<html>"):
        vendor.faults = [Response(answer, 200)]
        assert check_due() == 0, answer
        assert state_of(file) == (FileStatus.PROCESSING, ""), answer
    assert check_due() == 1
    assert state_of(file) == (FileStatus.READY, "")


def _end_pause(vendor: Vendor, *files: ScannedFile, user: User) -> None:
    """Cancel what waits for quota, and forget that it was exceeded."""
    for file in files:
        cancel_scan(scan=file.scans.get(), user=user)
    CloudAccount.objects.update(paused_until=None, pauses=0)
    vendor.calls.clear()


def test_quota_answer_lets_everything_of_the_account_wait(vendor: Vendor, admin: User) -> None:
    for answer in (
        json_answer({"status": {"code": 3003, "msg": "Limit exceeded"}}),
        json_answer({"message": "Too Many Attempts."}, 429),
        json_answer({"error": "quota", "code": 3003}, 403),
    ):
        content = answer.get_data()
        first, second = (submit(vendor, admin, head + content) for head in (b"1", b"2"))
        answer.headers["Retry-After"] = "600"
        vendor.faults = [answer]

        send_due()
        send_due()

        assert state_of(first) == (FileStatus.WAITING, "cloud_quota"), content
        assert state_of(second) == (FileStatus.WAITING, "cloud_quota"), content
        assert "ACRCloud says:" in first.message
        assert len(vendor.calls) == 1
        _end_pause(vendor, first, second, user=admin)

    # A wait without end is an hour.
    file = submit(vendor, admin)
    vendor.faults = [Response(status=429, headers={"Retry-After": "9" * 400})]
    send_due()
    vendor.account.refresh_from_db()
    assert state_of(file) == (FileStatus.WAITING, "cloud_quota")
    assert vendor.account.paused_until is not None
    hour = datetime.now(tz=UTC) + timedelta(hours=1)
    assert vendor.account.paused_until <= hour
    _end_pause(vendor, file, user=admin)

    # What waited goes on by itself.
    file = submit(vendor, admin, b"y" * 100)
    vendor.faults = [json_answer({"code": 3003, "message": "Limit exceeded"}, 429)]
    with time_machine.travel(datetime.now(tz=UTC) - timedelta(hours=1), tick=False):
        send_due()
    send_due()
    account = CloudAccount.objects.get()
    assert state_of(file) == (FileStatus.PROCESSING, "")
    assert (account.paused_until, account.pauses) == (None, 0)


def test_a_file_that_is_not_sent_says_why(vendor: Vendor, admin: User, settings: Settings) -> None:
    fields = {
        "cloud_container": json_answer({"error": "Invalid Container"}, 404),
        "cloud_refused": json_answer({"message": "The file type is not allowed."}, 422),
    }
    messages = {}
    for code, answer in fields.items():
        file = submit(vendor, admin, code.encode())
        vendor.faults = [answer]
        send_due()
        assert state_of(file) == (FileStatus.ERROR, code)
        messages[code] = file.message
    assert "Invalid Container" in messages["cloud_container"]
    assert "the region is wrong" in messages["cloud_container"]
    assert "422 The file type is not allowed" in messages["cloud_refused"]

    # A cancelled scan is not sent, and lost audio is not looked for again and again.
    vendor.calls.clear()
    cancelled, lost = (submit(vendor, admin, content) for content in (b"1", b"2"))
    cancel_scan(scan=cancelled.scans.get(), user=admin)
    default_storage.delete(str(lost.media))
    send_due()
    assert not vendor.calls
    assert state_of(cancelled) == (FileStatus.CANCELLED, "")
    assert state_of(lost) == (FileStatus.ERROR, "audio_removed")

    # A changed secret key makes the token unreadable.
    file = submit(vendor, admin)
    settings.SECRET_KEY = "another"
    send_due()
    assert state_of(file) == (FileStatus.WAITING, "cloud_token")
    assert "SECRET_KEY has changed" in file.message


def test_a_scan_ends_as_the_cloud_says_and_can_be_repeated(
    vendor: Vendor, admin: User, settings: Settings
) -> None:
    file = submit(vendor, admin)
    send_due()
    vendor.file = remote_file(-1)
    check_due()
    assert state_of(file) == (FileStatus.NO_MATCH, "")

    # What the cloud has lost is sent anew.
    vendor.faults = [json_answer({"message": "Not found"}, 404)]
    request_scan(scanned_file=file, user=admin)
    send_due()
    assert vendor.sends() == 2
    assert state_of(file) == (FileStatus.PROCESSING, "")

    vendor.faults = [json_answer({"message": "Not found"}, 404)]
    check_due()
    assert state_of(file) == (FileStatus.ERROR, "cloud_gone")

    for state in (-2, -3):
        request_scan(scanned_file=file, user=admin)
        send_due()
        assert state_of(file) == (FileStatus.PROCESSING, "")
        vendor.file = remote_file(state)
        check_due()
        assert state_of(file) == (FileStatus.ERROR, "acrcloud_error"), state

    # Silence for days ends in an error.
    vendor.file = remote_file(0)
    request_scan(scanned_file=file, user=admin)
    send_due()
    check_due()
    assert state_of(file) == (FileStatus.PROCESSING, "")
    hours = settings.ACRPORTAL_CLOUD_WAIT_HOURS + 1
    CloudJob.objects.update(sent_at=datetime.now(tz=UTC) - timedelta(hours=hours))
    check_due()
    assert state_of(file) == (FileStatus.ERROR, "cloud_silent")


def test_deleting_a_file_deletes_the_copy_in_the_cloud(vendor: Vendor, admin: User) -> None:
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


def test_a_copy_with_an_id_that_was_deleted_before_is_deleted_too(
    vendor: Vendor, admin: User
) -> None:
    file = submit(vendor, admin)
    send_due()
    delete_files(files=[file], user=admin, reason="test")
    run_jobs(CLOUD_DELETION)
    # A server may give the id again.
    again = ScannedFileFactory.create(container=file.container, remote_id=REMOTE_ID)

    delete_files(files=[again], user=admin, reason="test")
    run_jobs(CLOUD_DELETION)

    deletions = CloudDeletion.objects.filter(remote_id=REMOTE_ID)
    assert [row.done_at is None for row in deletions] == [False, False]
    calls = [call for call in vendor.calls if call[0] == "DELETE"]
    assert len(calls) == 2


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
        container=vendor.container, url="https://www.youtube.com/watch?v=abcdefghijk", user=admin
    )

    send_due()

    sent = json.loads(vendor.bodies[0])
    assert sent["data_type"] == "platforms"
    assert sent["url"] == "https://www.youtube.com/watch?v=abcdefghijk"


def test_answers_that_stall_in_the_middle_are_given_up_and_asked_for_again(
    vendor: Vendor, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = submit(vendor, admin)
    monkeypatch.setattr("base.common.http._CONNECT_READ_SECONDS", (5.0, 0.2))
    address = urlsplit(vendor.account.base_url)
    with faulty_proxy(f"http://{address.netloc}") as proxy:
        CloudAccount.objects.update(base_url=f"{proxy.base}{address.path}")
        proxy.decide = lambda _method, _path: Fault.STALLED
        send_due()
        waiting = state_of(file)
        arrived = remote_file(0) | {"name": f"show [{file.scans.get().uid}]"}
        vendor.listing = [arrived]
        proxy.decide = lambda _method, _path: None
        send_due()

        # The file is not sent twice.
        assert waiting == (FileStatus.WAITING, "cloud_unreachable")
        assert vendor.sends() == 1
        assert state_of(file) == (FileStatus.PROCESSING, "")
        spoiled = proxy.spoiled()

        vendor.file = remote_file(1, MUSIC)
        proxy.decide = lambda _method, _path: Fault.STALLED
        stalled = check_due()
        message = CloudJob.objects.get().said
        proxy.decide = lambda _method, _path: None
        ended = check_due()

    assert (stalled, ended) == (0, 1)
    assert proxy.spoiled() == spoiled + 1
    assert message
    assert state_of(file) == (FileStatus.READY, "")


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
