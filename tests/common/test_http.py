"""The portal fetches people's links from public addresses only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

from base.common.exchanges import FetchFailed, LinkRefused, LiveStream, TooLarge
from base.common.http import call_service, check_link, content_type_of, download, post_json


@pytest.fixture(autouse=True)
def allowed(settings: Settings) -> None:
    """Let fetches reach this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


def test_odd_links_and_private_addresses_are_refused(tmp_path: Path, settings: Settings) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = False
    for url in (
        "ftp://example.com/a.mp3",
        "file:///etc/passwd",
        "https://",
        "https://user:pass@example.com/a.mp3",
        "http://[bad/a.mp3",
        "http://example.com:99999/",
        "javascript:alert(1)",
        "",
    ):
        with pytest.raises(LinkRefused):
            check_link(url)

    for host in (
        *("127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.0.1"),
        *("169.254.169.254", "[::ffff:127.0.0.1]", "0.0.0.0", "100.64.0.1"),
        *("168.63.129.16", "[fec0::1]", "[::127.0.0.1]", "[2001:1::1]"),
    ):
        with pytest.raises(LinkRefused, match="private or local"):
            download(f"http://{host}:9/a.mp3", tmp_path / "a", max_bytes=100)


def test_media_file_is_fetched_whole(httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/a.mp3").respond_with_data(b"x" * 5000)
    shares: list[float] = []

    download(httpserver.url_for("/a.mp3"), tmp_path / "a", max_bytes=5000, progress=shares.append)

    assert (tmp_path / "a").read_bytes() == b"x" * 5000
    assert shares[-1] == 1.0


def test_redirect_to_a_private_address_is_refused(
    httpserver: HTTPServer, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address counts as public here; its redirect target does not."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = False
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


def test_answers_that_are_no_file_or_too_large_are_told(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/gone").respond_with_data(status=410)
    httpserver.expect_request("/big").respond_with_data(b"x" * 101)
    httpserver.expect_request("/loop").respond_with_data(
        status=302, headers={"Location": httpserver.url_for("/loop")}
    )

    cases: tuple[tuple[str, type[Exception], str | None], ...] = (
        (httpserver.url_for("/gone"), FetchFailed, "410"),
        (httpserver.url_for("/big"), TooLarge, None),
        (httpserver.url_for("/loop"), FetchFailed, "redirects too often"),
        ("http://127.0.0.1:1/a", FetchFailed, "could not be reached"),
    )
    for url, kind, message in cases:
        with pytest.raises(kind, match=message):
            download(url, tmp_path / "a", max_bytes=100)


def _dripping(ended: threading.Event) -> Iterator[bytes]:
    while not ended.wait(0.02):
        yield b"x"


def test_server_that_drips_is_given_up_in_time(httpserver: HTTPServer, tmp_path: Path) -> None:
    ended = threading.Event()

    try:
        for length in ("", "1000000"):
            httpserver.expect_request(f"/{length}").respond_with_response(
                Response(_dripping(ended), headers={"Content-Length": length} if length else {})
            )
            with pytest.raises(FetchFailed, match="took too long"):
                download(
                    httpserver.url_for(f"/{length}"),
                    tmp_path / "a",
                    max_bytes=2_000_000,
                    max_seconds=0.3,
                )
    finally:
        ended.set()


def test_names_that_no_server_can_have_are_told() -> None:
    for host in ("a..b", f"{'a' * 70}.example"):
        with pytest.raises(FetchFailed, match="could not be read"):
            content_type_of(f"http://{host}/")
        with pytest.raises(FetchFailed, match="could not be read"):
            call_service("GET", f"http://{host}/", token="x", max_bytes=100)


def test_progress_is_told_where_the_length_is_not(httpserver: HTTPServer, tmp_path: Path) -> None:
    parts = iter([b"a" * 1000, b"b" * 1000])
    httpserver.expect_request("/a").respond_with_response(Response(parts))
    progress: list[float] = []

    download(httpserver.url_for("/a"), tmp_path / "a", max_bytes=10_000, progress=progress.append)

    assert set(progress) == {0.5}


RawServer = Callable[[bytes, bytes], str]


@pytest.fixture
def raw_server() -> Iterator[RawServer]:
    """Return a function that serves raw bytes, then more bytes slowly and forever."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(first: bytes, drop: bytes) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=answer, args=(client, first, drop)).start()

    def answer(client: socket.socket, first: bytes, drop: bytes) -> None:
        with client, suppress(OSError):
            client.recv(4096)
            client.sendall(first)
            while drop and not ended.wait(0.02):
                client.sendall(drop)

    def start(first: bytes, drop: bytes) -> str:
        threading.Thread(target=serve, args=(first, drop), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/a"

    yield start
    ended.set()
    listener.close()


@pytest.mark.parametrize("location", [b"/a", b"http://[bad"])
def test_the_body_of_a_redirect_is_never_read(
    raw_server: RawServer, tmp_path: Path, location: bytes
) -> None:
    """It has no end here."""
    head = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n\r\n"
    url = raw_server(head, b"x" * 65_536)

    message = r"redirects too often|could not be read"
    with pytest.raises(FetchFailed, match=message):
        download(url, tmp_path / "a", max_bytes=100)
    with pytest.raises(FetchFailed, match=message):
        content_type_of(url)
    assert post_json(url, b"{}", headers={}, timeout_seconds=5).status == 302


_DRIPPING_HEADERS = (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x")
_DRIPPING_STATUS = (b"", b"H")


@pytest.mark.parametrize("drips", [_DRIPPING_HEADERS, _DRIPPING_STATUS])
def test_server_that_drips_its_headers_is_given_up_in_time(
    raw_server: RawServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    drips: tuple[bytes, bytes],
) -> None:
    monkeypatch.setattr("base.common.http._FIRST_BYTE_SECONDS", 0.3)
    monkeypatch.setattr("base.common.http._ANSWER_SECONDS", 0.3)
    url = raw_server(*drips)

    for fetch in (
        lambda: download(url, tmp_path / "a", max_bytes=100),
        lambda: content_type_of(url),
        lambda: post_json(url, b"{}", headers={}, timeout_seconds=0.3),
        lambda: call_service("GET", url, token="x", max_bytes=100),
    ):
        with pytest.raises(FetchFailed, match="took too long"):
            fetch()


def test_server_that_sends_nothing_after_its_headers_is_given_up_in_time(
    raw_server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("base.common.http._FIRST_BYTE_SECONDS", 0.3)
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    url = raw_server(chunked, b"0")

    with pytest.raises(FetchFailed, match="took too long"):
        download(url, tmp_path / "a", max_bytes=100)


def test_the_first_byte_ends_its_deadline(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("base.common.http._FIRST_BYTE_SECONDS", 0.2)
    wait = threading.Event()

    def body() -> Iterator[bytes]:
        yield b"a"
        wait.wait(0.5)
        yield b"b"

    httpserver.expect_request("/a").respond_with_response(Response(body()))

    download(httpserver.url_for("/a"), tmp_path / "a", max_bytes=100)

    assert (tmp_path / "a").read_bytes() == b"ab"


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-br: 128\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nicy-metaint: 16000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: Icecast 2.4.4\r\n\r\n",
        b"ICY 200 OK\r\nicy-name: Radio\r\n\r\n",
    ],
)
def test_radio_is_known_by_its_headers(raw_server: RawServer, tmp_path: Path, first: bytes) -> None:
    url = raw_server(first, b"sound")

    with pytest.raises(LiveStream, match="radio server"):
        download(url, tmp_path / "a", max_bytes=10_000_000)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nServer: Icecast\r\nContent-Length: 5\r\n\r\nsound",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nsound",
    ],
    ids=["a file on a radio server", "a length of thousands of digits"],
)
def test_odd_servers_may_have_files(raw_server: RawServer, tmp_path: Path, answer: bytes) -> None:
    download(raw_server(answer, b""), tmp_path / "a", max_bytes=100)

    assert (tmp_path / "a").read_bytes() == b"sound"


def test_a_stream_without_length_is_given_up_and_the_limit_is_named(
    raw_server: RawServer, tmp_path: Path, settings: Settings
) -> None:
    settings.ACRPORTAL_LINK_UNSIZED_SECONDS = 0.3
    url = raw_server(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n", b"sound")

    with pytest.raises(LiveStream, match=r"still sending after 0\.3 seconds"):
        download(url, tmp_path / "a", max_bytes=10_000_000)
