"""Links: the worker fetches and scans them, or explains the failure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

from accounts.roles import Role
from common.storage import StoredFile, keep_file
from review.models import Match
from scanning.choices import FileStatus, ScanStatus
from scanning.models import ScannedFile
from scanning.sources import links, platform_page
from tests import audio
from tests.conftest import Catalogue, MakeClient, Worker, upload

API = "/api/portal/v1/links/"


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    """Return a reviewer's client."""
    return signed_in(Role.REVIEWER)


@pytest.fixture
def local_allowed(settings: Settings) -> None:
    """Let the worker fetch from this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


def _submit(
    client: Client, catalogue: Catalogue, *links: str
) -> list[dict[str, Any]]:  # Any: JSON
    answer = client.post(
        API,
        json.dumps({"links": links, "container": catalogue.container.pk}),
        content_type="application/json",
    )
    assert answer.status_code == 207, answer.content
    return list(answer.json())


@pytest.mark.usefixtures("local_allowed")
def test_direct_link_is_fetched_and_scanned(
    client: Client, catalogue: Catalogue, run_worker: Worker, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/shows/ep 15.wav").respond_with_data(
        audio.wav_bytes(audio.tune(2, 12)), content_type="audio/wav"
    )

    _submit(client, catalogue, httpserver.url_for("/shows/ep%2015.wav"))
    run_worker()

    file = ScannedFile.objects.get()
    assert (file.name, file.status) == ("ep 15.wav", FileStatus.READY)
    assert len(file.sha256) == 64
    assert Match.objects.get().recording == catalogue.second


def test_link_to_a_private_address_is_refused_when_it_is_fetched(
    client: Client, catalogue: Catalogue, run_worker: Worker, httpserver: HTTPServer
) -> None:
    _submit(client, catalogue, httpserver.url_for("/a.wav"))
    run_worker()

    file = ScannedFile.objects.get()
    assert (file.status, file.error_code) == (FileStatus.ERROR, "link_refused")
    assert "private or local address" in file.message
    assert not httpserver.log


@pytest.mark.usefixtures("local_allowed")
def test_link_that_is_gone_needs_audio_and_goes_on_with_it(
    client: Client, catalogue: Catalogue, run_worker: Worker, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/gone.mp3").respond_with_data(status=404)
    _submit(client, catalogue, httpserver.url_for("/gone.mp3"))
    run_worker()
    file = ScannedFile.objects.get()
    assert file.status == FileStatus.NEEDS_AUDIO
    assert "the server answered 404" in file.message

    answer = client.post(
        f"/api/portal/v1/files/{file.uid}/audio/",
        {"file": upload("mine.wav", audio.wav_bytes(audio.tune(1, 12)))},
    )
    run_worker()

    file.refresh_from_db()
    assert answer.status_code == 202
    assert file.status == FileStatus.READY
    assert [scan.status for scan in file.scans.order_by("pk")] == [
        ScanStatus.FAILED,
        ScanStatus.SUCCEEDED,
    ]


@pytest.mark.usefixtures("local_allowed")
def test_what_was_written_while_a_link_was_fetched_stays(
    client: Client,
    catalogue: Catalogue,
    run_worker: Worker,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    httpserver.expect_request("/a.wav").respond_with_data(
        audio.wav_bytes(audio.tune(2, 12)), content_type="audio/wav"
    )
    _submit(client, catalogue, httpserver.url_for("/a.wav"))

    def store(*arguments: Any) -> StoredFile:  # Any: passed on
        now = datetime.now(tz=UTC)
        ScannedFile.objects.update(remote_id="r1", deleted_at=now, account="us")
        return keep_file(*arguments)

    monkeypatch.setattr(links, "keep_file", store)
    run_worker()

    file = ScannedFile.objects.get()
    assert (file.remote_id, file.account) == ("r1", "us")
    assert file.deleted_at is not None
    assert file.media


@pytest.mark.usefixtures("local_allowed")
def test_page_without_audio_needs_audio_and_says_so(
    client: Client, catalogue: Catalogue, run_worker: Worker, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/page").respond_with_data(
        "<html>hello</html>", content_type="text/html"
    )

    _submit(client, catalogue, httpserver.url_for("/page"))
    run_worker()

    file = ScannedFile.objects.get()
    assert (file.status, file.error_code) == (
        FileStatus.NEEDS_AUDIO,
        "link_unsupported",
    )
    assert "has no audio that the portal can read" in file.message


@pytest.mark.usefixtures("local_allowed")
def test_pages_are_not_read_when_that_is_switched_off(
    client: Client,
    catalogue: Catalogue,
    run_worker: Worker,
    httpserver: HTTPServer,
    settings: Settings,
) -> None:
    settings.ACRPORTAL_YTDLP = False
    httpserver.expect_request("/page").respond_with_data("x", content_type="text/html")

    _submit(client, catalogue, httpserver.url_for("/page"))
    run_worker()

    assert "switched off" in ScannedFile.objects.get().message


@pytest.mark.usefixtures("local_allowed")
@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"icy-name": "Radio"}, b"sound", "link_live"),
        ({}, b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n1.ts\n", "link_live"),
        ({}, b"#EXTM3U\nhttp://a.example/1.mp3\n", "link_unsupported"),
    ],
)
def test_live_streams_are_refused_with_what_to_do(
    client: Client,
    catalogue: Catalogue,
    run_worker: Worker,
    httpserver: HTTPServer,
    headers: dict[str, str],
    body: bytes,
    code: str,
) -> None:
    httpserver.expect_request("/radio").respond_with_response(
        Response(iter([body]), headers=headers)
    )

    _submit(client, catalogue, httpserver.url_for("/radio"))
    run_worker()

    file = ScannedFile.objects.get()
    assert (file.status, file.error_code) == (FileStatus.NEEDS_AUDIO, code)
    assert ("cannot scan live streams" in file.message) is (code == "link_live")
    assert "Attach the audio file" in file.message


@pytest.mark.usefixtures("local_allowed")
def test_fetched_file_over_the_limit_is_told(
    client: Client,
    catalogue: Catalogue,
    run_worker: Worker,
    httpserver: HTTPServer,
    settings: Settings,
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 10_000
    httpserver.expect_request("/big.wav").respond_with_data(b"x" * 10_001)

    _submit(client, catalogue, httpserver.url_for("/big.wav"))
    run_worker()

    assert ScannedFile.objects.get().error_code == "file_too_large"


def test_one_bad_link_does_not_stop_the_others(
    client: Client, catalogue: Catalogue
) -> None:
    outcomes = _submit(
        client, catalogue, "https://media.example/a.mp3", "not a link", "ftp://x/y"
    )

    assert [one["accepted"] for one in outcomes] == [True, False, False]
    assert outcomes[1]["code"] == "link_refused"
    assert ScannedFile.objects.count() == 1


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        ("ERROR: Unsupported URL: https://x.example/", "has no audio"),
        (
            "WARNING: a\nERROR: [youtube] abc: Private video. Sign in",
            "[youtube] abc: Private video. Sign in",
        ),
        ("", "the platform gave no audio"),
    ],
)
def test_reasons_of_the_platform_reader_are_told(stderr: str, told: str) -> None:
    assert told in str(platform_page.failure_of(stderr))
