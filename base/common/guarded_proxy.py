"""A local proxy that lets a child process reach public addresses only.

Only the child knows port and secret. For each connection the proxy resolves the host
once, refuses private addresses, and connects to the address it checked. A name whose
answer changes meanwhile gains nothing.
"""

from __future__ import annotations

import base64
import secrets
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hmac import compare_digest
from time import monotonic
from urllib.parse import urlsplit

from base.common.exchanges import FetchFailed, LinkRefused
from base.common.http import check_link, connect_guarded

_USER = "acrportal"
_HEAD_BYTES = 64 * 1024
_HEAD_SECONDS = 10.0
_IDLE_SECONDS = 60.0
_CHUNK_BYTES = 64 * 1024
_CONNECTIONS = 32
_TLS_PORT = 443
# Only for the hop between child and proxy. Servers get one request per connection.
_OWN_HEADERS = frozenset({"proxy-authorization", "proxy-connection", "connection", "keep-alive"})


class GuardedProxy:
    """Serves one child; ``refusals`` lists why addresses were refused."""

    def __init__(self, *, max_bytes: int, max_seconds: float) -> None:
        self.refusals: list[str] = []
        self.exhausted = False
        self._secret = secrets.token_urlsafe(32)
        self._bytes_left = max_bytes
        self._deadline = monotonic() + max_seconds
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._closed = False
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        """Return the proxy address for the child, including the secret."""
        return f"http://{_USER}:{self._secret}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start to accept connections."""
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="guarded-proxy",
            daemon=True,
        ).start()

    def close(self) -> None:
        """Stop accepting, and end open connections."""
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            self._closed = True
            connections = list(self._open)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def serve(self, client: socket.socket) -> None:
        """Serve one connection of the child until it ends."""
        if not self._free.acquire(blocking=False):
            _answer(client, 503, "Too many connections")
            return
        try:
            with self._tracked(client), suppress(OSError):
                self._serve(client)
        finally:
            self._free.release()

    def _serve(self, client: socket.socket) -> None:
        head = _Head.read(client)
        if head is None:
            _answer(client, 400, "Bad request")
            return
        login = base64.b64encode(f"{_USER}:{self._secret}".encode())
        if not compare_digest(head.authorization, b"Basic " + login):
            _answer(client, 407, "Proxy authentication required")
            return
        try:
            host, port = head.target()
            server = connect_guarded(host, port)
        except LinkRefused as error:
            self.refusals.append(str(error))
            _answer(client, 403, "Address not allowed")
            return
        except FetchFailed:
            _answer(client, 502, "Server not reached")
            return
        with server, self._tracked(server):
            if head.method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                server.sendall(head.body)
            else:
                server.sendall(head.forwarded() + head.body)
            self._relay(client, server)

    @contextmanager
    def _tracked(self, connection: socket.socket) -> Iterator[None]:
        """Let ``close`` end a connection while it is served."""
        with self._lock:
            if self._closed:
                raise OSError("the proxy is closed")
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        """Relay both ways until the server has sent everything or a limit is hit."""
        peers = {client: server, server: client}
        waiting = [client, server]
        while server in waiting:
            patience = min(_IDLE_SECONDS, self._deadline - monotonic())
            readable = select.select(waiting, [], [], max(0.0, patience))[0]
            if not readable:
                return
            for sender in readable:
                chunk = sender.recv(_CHUNK_BYTES)
                if chunk and not self._pay(len(chunk)):
                    return
                if chunk:
                    peers[sender].sendall(chunk)
                    continue
                waiting.remove(sender)
                peers[sender].shutdown(socket.SHUT_WR)

    def _pay(self, count: int) -> bool:
        with self._lock:
            self._bytes_left -= count
            self.exhausted = self.exhausted or self._bytes_left < 0
            return not self.exhausted


@contextmanager
def guarded_proxy(*, max_bytes: int, max_seconds: float) -> Iterator[GuardedProxy]:
    """Run a proxy for one job; the limits apply to all its connections together."""
    proxy = GuardedProxy(max_bytes=max_bytes, max_seconds=max_seconds)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = _CONNECTIONS

    def __init__(self, proxy: GuardedProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.proxy.serve(self.request)


class _Head:
    """Request line and headers, with the bytes received after them."""

    def __init__(self, method: str, address: str, headers: list[bytes], body: bytes):
        self.method = method
        self.address = address
        self.body = body
        self._headers = headers

    @classmethod
    def read(cls, client: socket.socket) -> _Head | None:
        """Read the head within its limits; None if it is not a request."""
        deadline = monotonic() + _HEAD_SECONDS
        content = b""
        while b"\r\n\r\n" not in content:
            client.settimeout(max(0.01, deadline - monotonic()))
            chunk = client.recv(_CHUNK_BYTES)
            content += chunk
            if not chunk or len(content) > _HEAD_BYTES:
                return None
        client.settimeout(_IDLE_SECONDS)
        head, body = content.split(b"\r\n\r\n", 1)
        first, *headers = head.split(b"\r\n")
        parts = first.decode("latin-1").split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return None
        return cls(parts[0], parts[1], headers, body)

    @property
    def authorization(self) -> bytes:
        return next(
            (line for name, line in self._split_headers() if name == "proxy-authorization"), b""
        )

    def target(self) -> tuple[str, int]:
        """Return host and port; raise ``LinkRefused`` unless it is a web address."""
        if self.method == "CONNECT":
            check_link(f"https://{self.address}")
            parts = urlsplit(f"//{self.address}")
            return parts.hostname or "", parts.port or _TLS_PORT
        check_link(self.address)
        parts = urlsplit(self.address)
        if parts.scheme != "http":
            raise LinkRefused("only http is forwarded; https needs a tunnel")
        return parts.hostname or "", parts.port or 80

    def forwarded(self) -> bytes:
        """Return the head to send to the server."""
        parts = urlsplit(self.address)
        query = f"?{parts.query}" if parts.query else ""
        headers = [
            line
            for line, (name, _) in zip(self._headers, self._split_headers(), strict=True)
            if name not in _OWN_HEADERS
        ]
        first = f"{self.method} {parts.path or '/'}{query} HTTP/1.1".encode("latin-1")
        return b"\r\n".join([first, *headers, b"Connection: close", b"", b""])

    def _split_headers(self) -> list[tuple[str, bytes]]:
        split = [line.partition(b":") for line in self._headers]
        return [(name.decode("latin-1").strip().lower(), value.strip()) for name, _, value in split]


def _answer(client: socket.socket, status: int, reason: str) -> None:
    with suppress(OSError):
        client.sendall(
            f"HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
