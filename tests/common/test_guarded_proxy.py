"""The link reader's proxy: only its own client, only public addresses."""

from __future__ import annotations

import base64
import socket
from urllib.parse import urlsplit

import pytest
import requests
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from base.common.guarded_proxy import GuardedProxy, guarded_proxy


@pytest.fixture
def allowed(settings: Settings) -> None:
    """Let fetches reach this machine."""
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True


def _get(proxy: str, url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, proxies={"http": proxy}, timeout=10)


def _sent(proxy: GuardedProxy, head: str) -> bytes:
    """Return the proxy's answer to a raw request."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        client.sendall(head.encode())
        answer = b""
        while chunk := client.recv(4096):
            answer += chunk
        return answer


def _signed(proxy: GuardedProxy, first: str) -> str:
    named = urlsplit(proxy.url).netloc.split("@")[0]
    basic = base64.b64encode(named.encode()).decode()
    return f"{first}\r\nHost: x\r\nProxy-Authorization: Basic {basic}\r\n\r\n"


@pytest.mark.usefixtures("allowed")
def test_a_page_comes_through_without_the_headers_of_the_proxy(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a", query_string="b=1").respond_with_data("page")

    with guarded_proxy(max_bytes=10_000, max_seconds=10) as proxy:
        answer = _get(proxy.url, httpserver.url_for("/a?b=1"))

    assert answer.text == "page"
    assert "Proxy-Authorization" not in httpserver.log[0][0].headers


@pytest.mark.usefixtures("allowed")
def test_a_tunnel_leads_to_the_server_that_it_names(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data("page")
    address = f"127.0.0.1:{httpserver.port}"

    with (
        guarded_proxy(max_bytes=10_000, max_seconds=10) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client,
    ):
        client.sendall(_signed(proxy, f"CONNECT {address} HTTP/1.1").encode())
        opened = client.recv(4096)
        client.sendall(b"GET /a HTTP/1.0\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(4096), b""))

    assert opened.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"page")


@pytest.mark.usefixtures("allowed")
def test_nobody_without_the_secret_is_served(httpserver: HTTPServer) -> None:
    with guarded_proxy(max_bytes=10_000, max_seconds=10) as proxy:
        for secret in ("", "acrportal:wrong@"):
            address = f"http://{secret}127.0.0.1:{proxy.port}"
            assert _get(address, httpserver.url_for("/")).status_code == 407

    assert not httpserver.log


def test_private_addresses_are_refused(httpserver: HTTPServer) -> None:
    hosts = (
        *("127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "0.0.0.0"),
        *("[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"),
    )
    texts = [
        first.format(host, httpserver.port)
        for host in hosts
        for first in ("GET http://{}:{}/ HTTP/1.1", "CONNECT {}:{} HTTP/1.1")
    ]

    with guarded_proxy(max_bytes=10_000, max_seconds=60) as proxy:
        for first in texts:
            answer = _sent(proxy, _signed(proxy, first))
            assert answer.startswith(b"HTTP/1.1 403"), first

    assert proxy.refusals == ["it leads to a private or local address"] * len(texts)
    assert not httpserver.log


def test_a_name_is_resolved_once_and_the_connection_stays_with_that_address(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public during the check and private afterwards gains nothing."""
    import requests_hardened.ip_filter as ip_filter

    hosts: list[str] = []
    connected: list[object] = []

    def changing(host: str, port: int, **_options: object) -> list[object]:
        hosts.append(host)
        address = "93.184.216.34" if len(hosts) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(address: object, **_options: object) -> socket.socket:
        connected.append(address)
        raise OSError

    with guarded_proxy(max_bytes=10_000, max_seconds=10) as proxy:
        head = _signed(proxy, f"GET http://odd.test:{httpserver.port}/ HTTP/1.1")
        client = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
        monkeypatch.setattr(ip_filter.socket, "getaddrinfo", changing)
        monkeypatch.setattr(socket, "create_connection", connect)
        with client:
            client.sendall(head.encode())
            answer = client.recv(4096)

    assert answer.startswith(b"HTTP/1.1 502")
    assert connected == [("93.184.216.34", httpserver.port)]


@pytest.mark.usefixtures("allowed")
def test_other_protocols_and_what_is_no_request_are_refused() -> None:
    with guarded_proxy(max_bytes=10_000, max_seconds=60) as proxy:
        for first in (
            *("GET https://a.example/ HTTP/1.1", "GET ftp://a.example/x HTTP/1.1"),
            *("GET file:///etc/passwd HTTP/1.1", "GET / HTTP/1.1"),
            *("CONNECT x:y HTTP/1.1", "CONNECT user@a.example:443 HTTP/1.1"),
        ):
            answer = _sent(proxy, _signed(proxy, first))
            assert answer.startswith(b"HTTP/1.1 403"), first

        for head in ("nonsense\r\n\r\n", f"GET / HTTP/1.1\r\n{'x' * 70000}"):
            try:
                answer = _sent(proxy, head)
            except ConnectionError:
                # The proxy stops reading a head that is too long.
                answer = b""
            assert not answer or answer.startswith(b"HTTP/1.1 400")


@pytest.mark.usefixtures("allowed")
def test_all_connections_together_carry_no_more_than_the_limit(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data(b"x" * 60_000)

    with guarded_proxy(max_bytes=100_000, max_seconds=10) as proxy:
        _get(proxy.url, httpserver.url_for("/a"))
        before = proxy.exhausted
        with pytest.raises(requests.RequestException):
            _get(proxy.url, httpserver.url_for("/a"))

    assert (before, proxy.exhausted) == (False, True)


def test_connections_end_with_the_job() -> None:
    with guarded_proxy(max_bytes=10_000, max_seconds=10) as proxy:
        idle = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=2)
    with idle:
        assert _ended(idle)


def _ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True
