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

from base.accounts.roles import Role
from base.common.storage import StoredFile, keep_file
from review.models import Match
from scanning.choices import FileStatus, ScanStatus
from scanning.models import Container, ScannedFile
from scanning.sources import links, platform_page
from tests import audio
from tests.fixtures import Catalogue, MakeClient, Worker, upload

API = "/api/portal/v1/links/"


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.REVIEWER)


@pytest.fixture
def local_allowed(settings: Settings) -> None:
    """Let the worker fetch from this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


def _submit(client: Client, container: Container, *links: str) -> list[dict[str, Any]]:  # Any: JSON
    answer = client.post(
        API,
        json.dumps({"links": links, "container": container.pk}),
        content_type="application/json",
    )
    assert answer.status_code == 207, answer.content
    return list(answer.json())


@pytest.mark.usefixtures("local_allowed")
def test_links_are_fetched_and_scanned_or_say_why_not(
    client: Client,
    catalogue: Catalogue,
    run_worker: Worker,
    httpserver: HTTPServer,
    settings: Settings,
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 1_000_000
    played = {
        "radio": ({"icy-name": "Radio"}, b"sound"),
        "live": ({}, b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n1.ts\n"),
        "list": ({}, b"#EXTM3U\nhttp://a.example/1.mp3\n"),
    }
    for name, (headers, content) in played.items():
        httpserver.expect_request(f"/{name}").respond_with_response(
            Response(iter([content]), headers=headers)
        )
    httpserver.expect_request("/shows/ep 15.wav").respond_with_data(
        audio.wav_bytes(audio.tune(2, 12)), content_type="audio/wav"
    )
    httpserver.expect_request("/gone").respond_with_data(status=404)
    httpserver.expect_request("/page").respond_with_data(
        "<html>hello</html>", content_type="text/html"
    )
    httpserver.expect_request("/big").respond_with_data(b"x" * 1_000_001)
    paths = ("shows/ep%2015.wav", "gone", "page", "big", *played)

    outcomes = _submit(
        client,
        catalogue.container,
        *("not a link", "ftp://x/y"),
        *(httpserver.url_for(f"/{path}") for path in paths),
    )
    run_worker()

    # One bad link does not stop the others.
    assert [outcome["accepted"] for outcome in outcomes] == [False, False, *[True] * len(paths)]
    assert outcomes[0]["code"] == "link_refused"
    files = {file.source_url.split("/")[-1]: file for file in ScannedFile.objects.all()}
    scanned = files.pop("ep%2015.wav")
    assert (scanned.name, scanned.status) == ("ep 15.wav", FileStatus.READY)
    assert len(scanned.sha256) == 64
    assert Match.objects.get().recording == catalogue.second
    assert files.pop("big").error_code == "file_too_large"
    status = {name: (file.status, file.error_code) for name, file in files.items()}
    assert status == {
        "gone": (FileStatus.NEEDS_AUDIO, "link_gone"),
        "page": (FileStatus.NEEDS_AUDIO, "link_unsupported"),
        "radio": (FileStatus.NEEDS_AUDIO, "link_live"),
        "live": (FileStatus.NEEDS_AUDIO, "link_live"),
        "list": (FileStatus.NEEDS_AUDIO, "link_unsupported"),
    }
    assert "the server answered 404" in files["gone"].message
    assert "has no audio that the portal can read" in files["page"].message
    for name in played:
        is_live = status[name][1] == "link_live"
        assert ("cannot scan live streams" in files[name].message) is is_live
        assert "Attach the audio file" in files[name].message

    # A file goes on with the audio that somebody attaches.
    gone = files["gone"]
    answer = client.post(
        f"/api/portal/v1/files/{gone.uid}/audio/",
        {"file": upload("mine.wav", audio.wav_bytes(audio.tune(1, 12)))},
    )
    run_worker()
    gone.refresh_from_db()
    assert answer.status_code == 202
    assert gone.status == FileStatus.READY
    assert [scan.status for scan in gone.scans.order_by("pk")] == [
        ScanStatus.FAILED,
        ScanStatus.SUCCEEDED,
    ]


def test_private_addresses_and_pages_are_refused_by_the_settings(
    client: Client, empty: Container, run_worker: Worker, httpserver: HTTPServer, settings: Settings
) -> None:
    httpserver.expect_request("/page").respond_with_data("x", content_type="text/html")
    _submit(client, empty, httpserver.url_for("/a.wav"))
    run_worker()
    file = ScannedFile.objects.get()
    assert (file.status, file.error_code) == (FileStatus.ERROR, "link_refused")
    assert "private or local address" in file.message
    assert not httpserver.log

    # Pages are not read when that is switched off.
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    settings.ACRPORTAL_YTDLP = False
    _submit(client, empty, httpserver.url_for("/page"))
    run_worker()
    assert "switched off" in ScannedFile.objects.latest("pk").message


@pytest.mark.usefixtures("local_allowed")
def test_what_was_written_while_a_link_was_fetched_stays(
    client: Client,
    empty: Container,
    run_worker: Worker,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    httpserver.expect_request("/a.wav").respond_with_data(
        audio.wav_bytes(audio.tune(2, 12)), content_type="audio/wav"
    )
    _submit(client, empty, httpserver.url_for("/a.wav"))

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


def test_reasons_of_the_platform_reader_are_told() -> None:
    for stderr, message in (
        ("ERROR: Unsupported URL: https://x.example/", "has no audio"),
        (
            "WARNING: a\nERROR: [youtube] abc: Private video. Sign in",
            "[youtube] abc: Private video. Sign in",
        ),
        ("", "the platform gave no audio"),
    ):
        assert message in str(platform_page.failure_of(stderr))
