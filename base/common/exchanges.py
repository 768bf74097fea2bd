"""One exchange with another server: its time limit, its faults in words, and its body."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from types import TracebackType
from typing import Self

import requests
from django.utils.translation import gettext as _
from requests.adapters import HTTPAdapter
from requests_hardened.ip_filter import InvalidIPAddress
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError

_CHUNK_BYTES = 256 * 1024
_MOST_ANSWERS = 5
# urllib3 itself reports host names that are malformed.
_NO_ANSWER = (requests.RequestException, HTTPError)


class LinkRefused(Exception):
    """The link must not be fetched; the message tells its author why."""


class FetchFailed(Exception):
    """The link could not be fetched; the message gives the cause.

    ``status`` is the server's HTTP status, if that was the cause.
    """

    status: int | None = None


class TookTooLong(FetchFailed):
    """The time limit of the whole exchange has passed."""


class LiveStream(FetchFailed):
    """The link leads to an endless stream."""


class TooLarge(Exception):
    """The response exceeds the limit."""


class Deadline:
    """Closes a session's connections when its time limit has passed.

    Socket timeouts restart with every byte, so a server that sends slowly could hold an
    exchange forever.
    """

    def __init__(
        self, session: requests.Session, seconds: float, *, of_radio: bool = False
    ) -> None:
        self.session = session
        self.passed = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = self._started(seconds)
        pools = _watched_pools(self, of_radio=of_radio)
        for adapter in session.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                adapter.poolmanager.pool_classes_by_scheme = pools

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for connection in self._sockets:
                connection.close()
            self._sockets.clear()

    def put_off(self, seconds: float) -> None:
        """Restart the time limit with this many seconds."""
        self._timer.cancel()
        self._timer = self._started(seconds)

    def lift(self) -> None:
        """End the time limit; ``cut`` still ends the exchange."""
        self._timer.cancel()

    def cut(self) -> None:
        """End the exchange now, from any thread."""
        self._timer.cancel()
        self._end()

    def keep(self, connection: socket.socket) -> None:
        """Track a connection by a duplicate handle, because TLS replaces the socket."""
        with self._lock:
            self._sockets.append(connection.dup())
        if self.passed:
            self._end()

    def _started(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(max(0.0, seconds), self._end)
        timer.daemon = True
        timer.start()
        return timer

    def _end(self) -> None:
        self.passed = True
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Response(HTTPResponse):
    """Ends an exchange whose answer is announced again and again (status 100)."""

    _answers = 0

    def _read_status(self) -> tuple[str, int, str]:
        self._answers += 1
        if self._answers > _MOST_ANSWERS:
            raise HTTPException
        return self._read_first_line()

    def _read_first_line(self) -> tuple[str, int, str]:
        return super()._read_status()  # type: ignore[misc, no-any-return]


class _RadioResponse(_Response):
    """Also reads the first line of SHOUTcast servers of version 1, ``ICY 200 OK``."""

    def _read_first_line(self) -> tuple[str, int, str]:
        if self.fp.peek(4)[:4] != b"ICY ":
            return super()._read_first_line()
        words = self.fp.readline(1000).decode("latin-1").split(None, 2)
        code = words[1] if len(words) > 1 and words[1].isdecimal() else "200"
        return "HTTP/1.0", int(code[:3]), "".join(words[2:]).strip()


def _watched_pools(deadline: Deadline, *, of_radio: bool) -> dict[str, type[HTTPConnectionPool]]:
    answers = _RadioResponse if of_radio else _Response

    class Plain(HTTPConnection):
        response_class = answers

        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            deadline.keep(connection)
            return connection

    class Encrypted(Plain, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


@contextmanager
def exchange(
    session: requests.Session, *, seconds: float, of_radio: bool = False
) -> Iterator[Deadline]:
    """Apply a time limit to a session, and translate its exceptions."""
    with session, Deadline(session, seconds, of_radio=of_radio) as deadline:
        try:
            yield deadline
        except InvalidIPAddress as error:
            raise LinkRefused(_("it leads to a private or local address")) from error
        except _NO_ANSWER as error:
            if deadline.passed:
                raise TookTooLong(_("the server took too long")) from error
            if "ICY 200" in str(error):
                # Shoutcast servers of version 1 begin their response with this.
                raise LiveStream(_("a radio server answered")) from error
            raise FetchFailed(_plain_cause(error)) from error
        # After the deadline closed a connection, its response looks complete.
        if deadline.passed:
            raise TookTooLong(_("the server took too long"))


def arriving(response: requests.Response, deadline: Deadline, seconds: float) -> Iterator[bytes]:
    """Yield the body as it arrives, within ``seconds`` for all of it.

    A truncated body is an error.
    """
    begun = False
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            if not begun:
                begun = True
                deadline.put_off(seconds)
            yield chunk
    except ReadTimeoutError as error:
        raise FetchFailed(_("the server did not answer in time")) from error
    except HTTPError as error:
        if not deadline.passed:
            raise FetchFailed(_("the server's answer could not be read")) from error
    if deadline.passed:
        raise TookTooLong(_("the server took too long"))


def limit_body(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    """Yield the body; raise ``TooLarge`` once it exceeds the limit."""
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > max_bytes:
            raise TooLarge
        yield chunk


def _plain_cause(error: Exception) -> str:
    if isinstance(error, requests.TooManyRedirects):
        return _("it redirects too often")
    if isinstance(error, requests.Timeout):
        return _("the server did not answer in time")
    if isinstance(error, requests.exceptions.SSLError):
        return _("the server's certificate could not be checked")
    if isinstance(error, requests.ConnectionError):
        return _("the server could not be reached")
    return _("the server's answer could not be read")
