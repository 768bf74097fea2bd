"""The gunicorn worker: no thread waits for a slow client.

gunicorn's own threads read requests, so a few unfinished requests can block all of
them. This worker reads heads and small bodies in its event loop, and passes complete
requests to threads. Large bodies have their own threads: views check the sender before
they read, and clients must keep a minimum rate.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from io import BytesIO
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import ThreadWorker

from acrportal.arrival import SMALL_BODY_BYTES, TRAILER_BYTES, RequestArrival, Stage, deadline
from base.common.logs import RedactSecrets

UPLOAD_THREADS = 16
# Memory limit for all incomplete requests together.
ARRIVING_BYTES = 128 * 1024**2
_READ_BYTES = 64 * 1024
# A client that does not read its response blocks a thread for this long at most.
_SEND_SECONDS = 30.0
# Read on after closing: unread data would reset the connection, and the client would
# lose the response.
_LINGER_SECONDS = 2.0
_REST_SECONDS = 0.2
# Idle connections closed at once when the limit is reached.
_MADE_ROOM = 20
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_FIELDS_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)

# Any in this module: gunicorn is not typed.


class RedactingLogger(Logger):  # type: ignore[misc]  # as above
    """Removes secrets in URLs from gunicorn's logs, access log included."""

    def setup(self, cfg: Any) -> None:
        """Add the filter to each handler."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                handler.addFilter(RedactSecrets())


class PacedUnreader(SocketUnreader):  # type: ignore[misc]  # as above
    """Reads the buffered bytes, then the socket, at the minimum rate or faster."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._arrived = BytesIO()
        self._begun = 0.0
        self._received = 0
        self.owes_continue = False

    def start(self, arrived: bytes) -> None:
        """Start a request with its buffered bytes."""
        self._arrived = BytesIO(arrived)
        self._begun = time.monotonic()
        self._received = 0

    def gather(self) -> None:
        """Put bytes of the next request back where gunicorn looks for them."""
        self.unread(self.take_buffered() + self._arrived.read())

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes; raise ``TimeoutError`` if the client is too slow."""
        if data := self._arrived.read(max(size_hint or 0, self.mxchunk)):
            return data
        if self.owes_continue:
            self.owes_continue = False
            self.sock.sendall(_CONTINUE)
        allowed = self.sock.gettimeout()
        remaining_s = deadline(self._begun, self._received) - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError("The body arrived too slowly.")
        self.sock.settimeout(remaining_s if allowed is None else min(remaining_s, allowed))
        try:
            data = bytes(super().chunk(size_hint))
        finally:
            self.sock.settimeout(allowed)
        self._received += len(data)
        return data


class LimitedChunks(ChunkedReader):  # type: ignore[misc]  # as above
    """Reads a body that ``RequestArrival`` did not see to its end.

    Raises ``OSError``, which views answer with 400, if its chunks or trailers are wrong.
    """

    def __init__(self, req: Any, unreader: Any) -> None:
        super().__init__(req, unreader)
        self.limit_trailer_section = TRAILER_BYTES

    def read(self, size: int) -> bytes:
        """Return the next bytes of the body."""
        try:
            return bytes(super().read(size))
        except ParseException as error:
            raise OSError("The body is malformed.") from error


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # as above
    """Waits for requests in the event loop; threads handle complete requests."""

    def init_process(self) -> None:
        """Prepare, then run until the worker stops."""
        self._arriving: dict[Any, RequestArrival] = {}
        self._held_bytes = 0
        self._lingering: dict[Any, float] = {}
        self._looked_at = 0.0
        self._uploads = ThreadPoolExecutor(UPLOAD_THREADS, "upload")
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """Wait for a request on a connection without a thread."""
        held = conn.parser.unreader.take_buffered() if conn.initialized else b""
        conn.sock.setblocking(False)
        self._arriving[conn] = RequestArrival()
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_bytes, conn))
        if held:
            self._take(conn, held)

    def _on_bytes(self, conn: Any, sock: socket.socket) -> None:
        try:
            data = sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._take(conn, data)
        elif self._arriving[conn].has_head:
            # The client closed its half, so no thread would wait for more.
            self._hand_over(conn, self.tpool)
        else:
            self._drop(conn)

    def _take(self, conn: Any, data: bytes) -> None:
        arrival = self._arriving[conn]
        stage = arrival.add(data)
        self._held_bytes += len(data)
        if stage is Stage.WHOLE:
            self._hand_over(conn, self.tpool)
        elif stage is Stage.LARGE:
            self._hand_over(conn, self._uploads)
        elif stage is Stage.FIELDS_TOO_LARGE:
            self._refuse(conn, _FIELDS_TOO_LARGE)
        elif arrival.has_head and arrival.expects_continue:
            arrival.expects_continue = False
            with contextlib.suppress(OSError):
                conn.sock.send(_CONTINUE)
        if self._held_bytes > ARRIVING_BYTES:
            self._refuse_oldest_of_the_large()

    def _hand_over(self, conn: Any, pool: ThreadPoolExecutor) -> None:
        arrival = self._forget(conn)
        conn.init()
        unreader = conn.parser.unreader
        if not isinstance(unreader, PacedUnreader):
            unreader = conn.parser.unreader = PacedUnreader(conn.sock)
        unreader.start(bytes(arrival.data))
        unreader.owes_continue = arrival.expects_continue
        conn.data_ready = True
        job = pool.submit(self.handle, conn)
        job.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request; send 100 Continue only when a view reads the body."""
        # ``PacedUnreader`` sends it, so clients can be refused before they send a body.
        req._expected_100_continue = False
        if isinstance(req.body.reader, ChunkedReader):
            req.body = Body(LimitedChunks(req, conn.parser.unreader))
        conn.sock.settimeout(_SEND_SECONDS)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: Any) -> bool:
        """Close the connection if the client still sends an unwanted body."""
        if not keepalive:
            return False
        until = time.monotonic() + _REST_SECONDS
        whole = bool(conn.parser.finish_body(deadline=until))
        conn.parser.unreader.gather()
        return whole

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """Keep the connection for the next request, or close it without blocking."""
        if not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
        else:
            self._linger(conn)

    def _linger(self, conn: Any) -> None:
        """Close our half, then read on briefly so that the response arrives."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_rest, conn))
        except (OSError, ValueError, KeyError):
            self._close(conn)
        else:
            self._lingering[conn] = time.monotonic() + _LINGER_SECONDS

    def _on_rest(self, conn: Any, sock: socket.socket) -> None:
        try:
            body = sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            body = b""
        if not body:
            self._close(conn)

    def murder_pending(self) -> None:
        """Close slow connections, and idle ones if there is no room for more."""
        now = time.monotonic()
        self._make_room()
        if now - self._looked_at < 0.5 and self.alive:
            return
        self._looked_at = now
        for conn, arrival in list(self._arriving.items()):
            if now > arrival.deadline:
                self._refuse(conn, _TOO_SLOW)
            elif not self.alive and not arrival.data:
                # Browsers keep unused connections open.
                self._drop(conn)
        for conn, until in list(self._lingering.items()):
            if now > until:
                self._close(conn)

    def _make_room(self) -> None:
        """Close those that have been silent longest, if there are too many.

        Those that wait for their next request come first; active clients send at once.
        """
        while self.nr_conns >= self.worker_connections and self.keepalived_conns:
            for conn in list(self.keepalived_conns)[:_MADE_ROOM]:
                conn.timeout = 0.0
            self.murder_keepalived()
        while self.nr_conns >= self.worker_connections and self._arriving:
            for conn in list(self._arriving)[:_MADE_ROOM]:
                self._drop(conn)

    def _refuse_oldest_of_the_large(self) -> None:
        for conn, arrival in self._arriving.items():
            if len(arrival.data) > SMALL_BODY_BYTES:
                self._refuse(conn, _TOO_SLOW)
                return

    def _refuse(self, conn: Any, answer: bytes) -> None:
        started = bool(self._forget(conn).data)
        if started:
            with contextlib.suppress(OSError):
                conn.sock.send(answer)
            self._linger(conn)
        else:
            self._close(conn)

    def _drop(self, conn: Any) -> None:
        self._forget(conn)
        self._close(conn)

    def _forget(self, conn: Any) -> RequestArrival:
        arrival = self._arriving.pop(conn)
        self._held_bytes -= arrival.received
        self.poller.unregister(conn.sock)
        return arrival

    def _close(self, conn: Any) -> None:
        if self._lingering.pop(conn, None) is not None:
            with contextlib.suppress(OSError, KeyError, ValueError):
                self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()
