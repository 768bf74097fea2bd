"""Links that people give are fetched from public addresses only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

from common.http import (
    FetchFailed,
    LinkRefused,
    TooLarge,
    call_service,
    check_link,
    content_type_of,
    download,
)


@pytest.fixture
def allowed(settings: Settings) -> None:
    """Let fetches reach this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/a.mp3",
        "file:///etc/passwd",
        "https://",
        "https://user:pass@example.com/a.mp3",
        "http://[bad/a.mp3",
        "http://example.com:99999/",
        "javascript:alert(1)",
        "",
    ],
)
def test_links_that_cannot_be_right_are_refused_at_once(url: str) -> None:
    with pytest.raises(LinkRefused):
        check_link(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "100.64.0.1",
    ],
)
def test_private_addresses_are_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(LinkRefused, match="private or local"):
        download(f"http://{host}:9/a.mp3", tmp_path / "a", max_bytes=100)


@pytest.mark.usefixtures("allowed")
def test_media_file_is_fetched_whole(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/a.mp3").respond_with_data(b"x" * 5000)
    shares: list[float] = []

    download(
        httpserver.url_for("/a.mp3"),
        tmp_path / "a",
        max_bytes=5000,
        progress=shares.append,
    )

    assert (tmp_path / "a").read_bytes() == b"x" * 5000
    assert shares[-1] == 1.0


def test_redirect_to_a_private_address_is_refused(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address counts as public here; the one it leads to does not."""
    import requests_hardened.ip_filter_adapter as adapter

    real = adapter.filter_host
    port = httpserver.port

    def first_is_public(hostname: str, port_: int, *, allow_loopback: bool) -> str:
        if hostname == "public.test":
            return "127.0.0.1"
        return str(real(hostname, port_, allow_loopback=allow_loopback))

    monkeypatch.setattr(adapter, "filter_host", first_is_public)
    httpserver.expect_request("/a").respond_with_data(
        status=302, headers={"Location": f"http://127.0.0.1:{port}/secret"}
    )

    with pytest.raises(LinkRefused, match="private or local"):
        download(f"http://public.test:{port}/a", tmp_path / "a", max_bytes=100)


@pytest.mark.usefixtures("allowed")
def test_error_answers_are_told(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/gone").respond_with_data(status=410)

    with pytest.raises(FetchFailed, match="410"):
        download(httpserver.url_for("/gone"), tmp_path / "a", max_bytes=100)


@pytest.mark.usefixtures("allowed")
def test_answers_over_the_limit_are_cut_off(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/big").respond_with_data(b"x" * 101)

    with pytest.raises(TooLarge):
        download(httpserver.url_for("/big"), tmp_path / "a", max_bytes=100)


@pytest.mark.usefixtures("allowed")
def test_endless_redirects_are_told(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/loop").respond_with_data(
        status=302, headers={"Location": httpserver.url_for("/loop")}
    )

    with pytest.raises(FetchFailed, match="redirects too often"):
        download(httpserver.url_for("/loop"), tmp_path / "a", max_bytes=100)


@pytest.mark.usefixtures("allowed")
def test_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="could not be reached"):
        download("http://127.0.0.1:1/a", tmp_path / "a", max_bytes=100)


def _dripping(ended: threading.Event) -> Iterator[bytes]:
    while not ended.wait(0.02):
        yield b"x"


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("length", ["", "1000000"])
def test_server_that_drips_is_given_up_in_time(
    httpserver: HTTPServer, tmp_path: Path, length: str
) -> None:
    ended = threading.Event()
    headers = {"Content-Length": length} if length else {}
    httpserver.expect_request("/drip").respond_with_response(
        Response(_dripping(ended), headers=headers)
    )

    try:
        with pytest.raises(FetchFailed, match="took too long"):
            download(
                httpserver.url_for("/drip"),
                tmp_path / "a",
                max_bytes=2_000_000,
                max_seconds=0.3,
            )
    finally:
        ended.set()


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("host", ["a..b", f"{'a' * 70}.example"])
def test_names_that_no_server_can_have_are_told(host: str) -> None:
    with pytest.raises(FetchFailed, match="could not be read"):
        content_type_of(f"http://{host}/")
    with pytest.raises(FetchFailed, match="could not be read"):
        call_service("GET", f"http://{host}/", token="x", max_bytes=100)


@pytest.mark.usefixtures("allowed")
def test_progress_is_told_where_the_length_is_not(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    parts = iter([b"a" * 1000, b"b" * 1000])
    httpserver.expect_request("/a").respond_with_response(Response(parts))
    told: list[float] = []

    download(
        httpserver.url_for("/a"),
        tmp_path / "a",
        max_bytes=10_000,
        progress=told.append,
    )

    assert told
    assert set(told) == {0.5}
