"""A proxy that breaks calls on purpose, between a server and its clients."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

# Says which fingerprints a portal takes; written out, because Django is not here.
_ACCEPTS = "Acrfp-Accept"


class Fault(StrEnum):
    """The fault that the proxy adds to one call."""

    REFUSED = "the connection ends before the call arrives"
    LOST = "the call arrives, its answer does not"
    SERVER = "500 instead of passing it on"
    CUT = "half of the answer"
    STALLED = "half of the answer, then nothing while the proxy runs"
    QUOTA = "3003 instead of passing it on"
    TWICE = "the call is passed on twice"
    SILENCE = "200 without passing it on"


_ANSWERS: dict[Fault | None, tuple[int, object]] = {
    Fault.SERVER: (500, "Internal Server Error"),
    Fault.QUOTA: (200, {"status": {"code": 3003, "msg": "Limit exceeded"}}),
    Fault.SILENCE: (200, {}),
}
Decide = Callable[[str, str], Fault | None]


@dataclass
class Proxy:
    """A running proxy; ``decide`` chooses the fault of each call by method and path."""

    base: str
    target: str = ""
    decide: Decide = lambda _method, _path: None
    calls: list[tuple[str, str, Fault | None]] = field(default_factory=list)
    traffic: list[bytes] = field(default_factory=list)
    "Each request and each answer, with its headers and body, if ``records``."
    records: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def spoiled(self) -> int:
        return sum(fault is not None for *_, fault in self.calls)


class _Server(ThreadingHTTPServer):
    """An HTTP server that holds the proxy for its handlers."""

    def __init__(self, *arguments: Any) -> None:
        """Listen. Any: the library's own arguments."""
        super().__init__(*arguments)
        self.proxy = Proxy(f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    """Forwards calls, or breaks them."""

    server: _Server

    def handle_any(self) -> None:
        """Handle a call of any method."""
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        fault = self.server.proxy.decide(self.command, self.path)
        self.server.proxy.calls.append((self.command, self.path, fault))
        self._record(f"{self.command} {self.path}\n{self.headers}", body)
        if fault is Fault.REFUSED:
            self.close_connection = True
        elif fault in _ANSWERS:
            status, answer = _ANSWERS[fault]
            self._answer(status, json.dumps(answer).encode(), "application/json")
        else:
            self._pass_on(body, fault)

    # http.server calls these names.
    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def _pass_on(self, body: bytes, fault: Fault | None) -> None:
        try:
            answer = self._forward(body)
            if fault is Fault.TWICE:
                answer = self._forward(body)
        except requests.RequestException:
            self.close_connection = True
            return
        if fault is Fault.LOST:
            self.close_connection = True
            return
        content = answer.content
        self._record(str(answer.headers), content)
        kind = answer.headers.get("Content-Type", "")
        whole = fault not in (Fault.CUT, Fault.STALLED)
        sent = content if whole else content[: len(content) // 2]
        self._answer(
            answer.status_code,
            sent,
            kind,
            promised=len(content),
            accepts=answer.headers.get(_ACCEPTS, ""),
        )
        if fault is Fault.STALLED:
            self.server.proxy.ended.wait()
        self.close_connection = not whole

    def _forward(self, body: bytes) -> requests.Response:
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in {"host", "connection", "accept-encoding"}
        }
        return requests.request(
            self.command,
            self.server.proxy.target + self.path,
            data=body,
            headers=headers,
            timeout=60,
            allow_redirects=False,
        )

    def _record(self, head: str, body: bytes) -> None:
        if self.server.proxy.records:
            self.server.proxy.traffic.append(head.encode() + body)

    def _answer(
        self, status: int, body: bytes, kind: str, promised: int | None = None, accepts: str = ""
    ) -> None:
        self.send_response(status)
        if accepts:
            self.send_header(_ACCEPTS, accepts)
        if kind:
            self.send_header("Content-Type", kind)
        if status != 204:
            length = len(body) if promised is None else promised
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def faulty_proxy(target: str = "") -> Iterator[Proxy]:
    """Run a proxy on localhost; ``target`` may be set later."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        proxy = server.proxy
        proxy.target = target
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.ended.set()
            server.shutdown()
