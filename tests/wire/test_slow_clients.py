"""Clients that never finish their request do not delay the others."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from acrportal.arrival import GRACE_SECONDS
from tests.wire.live import Server
from tests.wire.scene import Scene

pytestmark = pytest.mark.slow  # a server has to start

# More than the web server's threads for either kind of request.
_SLOW = 40
_MIB = 1024**2
# Other tests may keep the machine busy.
_PATIENCE_SECONDS = 60.0
_FORM = "application/x-www-form-urlencoded"
_PARTS = "multipart/form-data; boundary=b"


def _head(path: str, length: int, *headers: str, method: str = "POST") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Length: {length}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


def _connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=_PATIENCE_SECONDS)


_BEGINNINGS = {
    "nothing at all": b"",
    "half a head": b"POST /accounts/login/ HTTP/1.1\r\nHost: loc",
    "a sign-in": _head("/accounts/login/", 200, f"Content-Type: {_FORM}") + b"user",
    "a large sign-in": _head("/accounts/login/", 100 * _MIB, f"Content-Type: {_FORM}"),
    "a clip": _head("/v1/identify", 5 * _MIB, f"Content-Type: {_PARTS}")
    + b'--b\r\nContent-Disposition: form-data; name="sample"; filename="a"\r\n\r\nxx',
    "chunks": b"POST /healthz HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nfffff\r\nabc",
    "an upload": _head("/api/fs-containers/1/files", 100 * _MIB),
    "a page's upload": _head("/upload/", 100 * _MIB, f"Content-Type: {_PARTS}"),
    "health": _head("/healthz", 100 * _MIB, method="GET") + b"x",
}


def _nothing_is_stored(live: Server) -> bool:
    """Return whether the server keeps no body that is still arriving.

    The server may still be dropping the bodies of the test before, so this waits
    for it. Call it while the client is connected: its own body would stay.
    """
    folder = live.data_dir / "tmp"
    until = time.monotonic() + _PATIENCE_SECONDS
    while any(folder.iterdir()):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def address(live: Server) -> tuple[str, int]:
    """Return where the server listens."""
    url = urlsplit(live.base)
    assert url.hostname is not None
    assert url.port is not None
    return url.hostname, url.port


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close everything that a test opened."""
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("beginning", _BEGINNINGS)
def test_unfinished_requests_stop_nobody(
    beginning: str, live: Server, address: tuple[str, int], stack: ExitStack
) -> None:
    begun = time.monotonic()
    for _ in range(_SLOW):
        client = stack.enter_context(_connected(address))
        client.sendall(_BEGINNINGS[beginning])

    answers = [
        requests.get(live.base + path, timeout=_PATIENCE_SECONDS)
        for path in ("/healthz", "/accounts/login/")
    ]
    took = time.monotonic() - begun

    assert [answer.status_code for answer in answers] == [200, 200]
    assert took < GRACE_SECONDS, "a thread waited until its client's time was over"


def test_uploads_that_stall_leave_pages_alone(
    live: Server, scene: Scene, address: tuple[str, int], stack: ExitStack
) -> None:
    path = f"/api/fs-containers/{scene.container['id']}/files"
    token = f"Authorization: Bearer {live.token}"
    begun = time.monotonic()
    for _ in range(_SLOW):
        client = stack.enter_context(_connected(address))
        client.sendall(_head(path, 100 * _MIB, token, f"Content-Type: {_PARTS}"))

    answer = requests.get(f"{live.base}/healthz", timeout=_PATIENCE_SECONDS)
    took = time.monotonic() - begun

    assert answer.ok
    assert took < GRACE_SECONDS, "a thread waited until its client's time was over"


def test_a_stranger_is_refused_before_the_body_and_chunks_end_at_the_limit(
    live: Server, address: tuple[str, int]
) -> None:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    in_chunks = (
        b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + 2 * chunk
    )
    parts = f"Content-Type: {_PARTS}"
    signed = "/uploads/abc?expires=1&signature=x"
    for sent, status in (
        (_head("/healthz", 100 * _MIB, parts), 413),
        (_head("/accounts/login/", 100 * _MIB, parts), 413),
        (_head("/upload/", 100 * _MIB, parts), 413),
        (_head("/v1/identify", 100 * _MIB, parts), 200),
        (_head("/api/fs-containers/1/files", 100 * _MIB, parts), 401),
        (_head(signed, 100 * _MIB, parts, method="PUT"), 403),
        (in_chunks, 413),
    ):
        with _connected(address) as client:
            client.sendall(sent)
            answer = client.recv(65536)
            clean = _nothing_is_stored(live)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode()), sent[:60]
        assert clean, sent[:60]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        # Collected before any thread sees it.
        ("/v1/identify", b""),
        # Read by a thread, whose server has limits of its own.
        ("/api/fs-containers/1/files", b"11000\r\n" + bytes(0x11000) + b"\r\n"),
    ],
)
def test_trailers_end_at_their_limit(
    path: str, body: bytes, live: Server, address: tuple[str, int]
) -> None:
    with _connected(address) as client:
        client.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {live.token}\r\nContent-Type: {_PARTS}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
            + body
            + b"0\r\n"
        )
        sent, answer = 0, b""
        trailer = b"A: " + b"b" * 1019 + b"\r\n"
        try:
            while sent < 8 * _MIB:
                client.sendall(trailer)
                sent += len(trailer)
            answer = client.recv(65536)
        except OSError:
            # The server has closed the connection.
            assert sent < 8 * _MIB

    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))


def test_who_waits_for_leave_to_send_is_asked_by_the_view(
    live: Server, scene: Scene, address: tuple[str, int]
) -> None:
    path = f"/api/fs-containers/{scene.container['id']}/files"
    wait = "Expect: 100-continue"

    with _connected(address) as stranger:
        stranger.sendall(_head(path, 5 * _MIB, wait))
        refused = stranger.recv(65536)
    with _connected(address) as client:
        token = f"Authorization: Bearer {live.token}"
        client.sendall(_head(path, 5 * _MIB, wait, token, f"Content-Type: {_PARTS}"))
        answer = client.recv(65536)

    assert refused.startswith(b"HTTP/1.1 401 ")
    assert answer == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_requests_on_one_connection_are_answered_in_turn(address: tuple[str, int]) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    with _connected(address) as client:
        client.sendall(2 * request + last)
        answers = b""
        while data := client.recv(65536):
            answers += data

    assert answers.count(b"HTTP/1.1 200 OK") == 3


def test_a_body_in_small_pieces_arrives(live: Server) -> None:

    def pieces() -> Iterator[bytes]:
        yield b'{"name": '
        yield b'"In pieces", "type": "File", "region": "eu-west-1"'
        yield b"}"

    answer = live.call(
        "POST", "/api/buckets", data=pieces(), headers={"Content-Type": "application/json"}
    )

    assert answer.status_code in (200, 201)
    assert answer.json()["data"]["name"] == "In pieces"
