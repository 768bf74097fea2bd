"""A server on 127.0.0.1 that answers with bytes as they are, right or wrong."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

Answers = Callable[[str], bytes]
"""Returns the whole answer to a path, status line included."""


def by_path(answers: Mapping[str, bytes]) -> Answers:
    """Answer as a mapping says, which may change; ``*`` answers all other paths."""
    return lambda path: answers.get(path) or answers.get("*", b"")


@contextmanager
def serving(answers: Answers) -> Iterator[str]:
    """Serve ``answers``; yield the server's address."""
    with _Server(("127.0.0.1", 0), _Answering) as server:
        server.answers = answers
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        host, port = server.server_address[:2]
        try:
            yield f"http://{host!s}:{port}"
        finally:
            server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    answers: Answers


class _Answering(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        request = self.rfile.readline(1000).split()
        while self.rfile.readline(1000).strip():
            pass
        path = request[1].decode("latin-1") if len(request) > 1 else ""
        server = self.server
        assert isinstance(server, _Server)
        with suppress(OSError):
            self.wfile.write(server.answers(path))
