"""Outgoing HTTP: all requests to other servers.

The guarded session resolves a host once, refuses private and local addresses, and
connects to the address it checked, again for each redirect. A name whose answer changes
between check and connection gains nothing. The plain client (``call_service``) is for
addresses that the operator configured.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings
from django.utils.translation import gettext as _
from requests.auth import AuthBase
from requests.utils import requote_uri
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress, filter_host
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from base.common.addresses import is_public
from base.common.exchanges import (
    Deadline,
    FetchFailed,
    LinkRefused,
    LiveStream,
    TookTooLong,
    TooLarge,
    arriving,
    exchange,
    limit_body,
)
from base.common.outside_text import one_line

_CONNECT_READ_SECONDS = (10.0, 30.0)
_MAX_REDIRECTS = 5
_ANSWER_BYTES = 500
_REASON_CHARACTERS = 100
_LENGTH_DIGITS = 19
_ANSWER_SECONDS = 300.0
# For bodies that are streamed from disk: a large file on its way to the cloud.
_SENDING_SECONDS = 6 * 3600.0
# From the connection to the first body byte, redirects included. Shorter than any
# sensible lease, because nothing renews the lease during a request.
_FIRST_BYTE_SECONDS = 45.0


def check_link(url: str) -> None:
    """Raise ``LinkRefused`` for links that can be refused without a connection."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018  # raises for an invalid one
    except ValueError as error:
        raise LinkRefused(_("it is not a complete web address")) from error
    if parts.scheme not in {"http", "https"}:
        raise LinkRefused(_("it does not begin with http:// or https://"))
    if not host:
        raise LinkRefused(_("it names no server"))
    if parts.username or parts.password:
        raise LinkRefused(_("it has a user name or password"))


class _IgnoredRedirects:
    """Keeps a session from preparing redirects, for which it reads whole bodies."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Tell requests that no response redirects; ``_answer`` follows them."""


class _ServiceSession(_IgnoredRedirects, requests.Session):
    """A session for a service that the operator configured."""


class _GuardedSession(_IgnoredRedirects, HTTPSession):  # type: ignore[misc]  # untyped
    """A session for user-given addresses."""


class _PublicAdapter(IPFilterAdapter):  # type: ignore[misc]  # the library has no types
    """Refuses more addresses than the library, which resolves and pins them."""

    def build_connection_pool_key_attributes(
        self, *arguments: Any, **options: Any
    ) -> Any:  # Any: the library's own types
        """Return the host to connect to, if it is public."""
        host, pool = super().build_connection_pool_key_attributes(*arguments, **options)
        _refuse_special(host["host"])
        return host, pool


def _refuse_special(host: str) -> None:
    address = host.strip("[]")
    if not is_public(address):
        raise InvalidIPAddress(address)


def guarded_session() -> requests.Session:
    """Return a session for user-given addresses; see the module docstring."""
    session: requests.Session = _GuardedSession(
        Config(
            # Our own filter is below.
            ip_filter_enable=False,
            ip_filter_allow_loopback_ips=False,
            never_redirect=True,
            default_timeout=_CONNECT_READ_SECONDS,
            user_agent_override="acrportal",
        )
    )
    if not settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES:
        session.mount("http://", _PublicAdapter(is_https_proto=False))
        session.mount("https://", _PublicAdapter(is_https_proto=True))
    # A proxy from the environment would resolve the name itself, past our check.
    session.trust_env = False
    return session


def connect_guarded(host: str, port: int) -> socket.socket:
    """Connect to a user-given host under the rules of ``guarded_session``.

    It resolves the host once and connects to the address it checked. Raises
    ``LinkRefused`` or ``FetchFailed``.
    """
    seconds = _CONNECT_READ_SECONDS[0]
    try:
        if not settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES:
            host = filter_host(host, port, allow_loopback=False).strip("[]")
            _refuse_special(host)
        return socket.create_connection((host, port), timeout=seconds)
    except InvalidIPAddress as error:
        raise LinkRefused(_("it leads to a private or local address")) from error
    except (OSError, UnicodeError, requests.RequestException) as error:
        raise FetchFailed(_("the server could not be reached")) from error


def download(
    url: str,
    target: Path,
    *,
    max_bytes: int,
    max_seconds: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> str:
    """Fetch ``url`` into ``target``; return the response's content type.

    Raises ``LinkRefused``, ``FetchFailed`` or ``TooLarge``. Raises ``LiveStream`` for
    an endless stream: if the headers say so, or if no length is given and the response
    has not ended after ``ACRPORTAL_LINK_UNSIZED_SECONDS``. ``progress`` receives the
    fetched share, or 0.5 if the length is unknown; it may raise.
    """
    seconds = max_seconds or settings.ACRPORTAL_LINK_SECONDS
    with (
        exchange(guarded_session(), seconds=min(_FIRST_BYTE_SECONDS, seconds)) as deadline,
        _answer(deadline.session, url) as response,
    ):
        _raise_unless_ok(response)
        total = _length_of(response)
        if not total and _says_it_is_live(response):
            raise LiveStream(_("a radio server answered"))
        if total > max_bytes:
            raise TooLarge
        limit = seconds
        if not total:
            limit = min(seconds, settings.ACRPORTAL_LINK_UNSIZED_SECONDS)
        try:
            received = 0
            with target.open("wb") as file:
                for chunk in limit_body(arriving(response, deadline, limit), max_bytes):
                    file.write(chunk)
                    received += len(chunk)
                    if progress is not None:
                        progress(min(1.0, received / total) if total else 0.5)
        except TookTooLong as error:
            if limit == seconds or not received:
                raise
            raise LiveStream(
                _("the server gave no length and was still sending after %(limit)s seconds")
                % {"limit": f"{limit:g}"}
            ) from error
        return response.headers.get("Content-Type", "")


@contextmanager
def _answer(
    session: requests.Session,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: tuple[float, float] | None = None,
) -> Iterator[requests.Response]:
    """Request an address and follow redirects, whose bodies are never read."""
    for _redirect in range(_MAX_REDIRECTS + 1):
        check_link(url)
        with session.get(
            url, stream=True, headers=headers, timeout=timeout or _CONNECT_READ_SECONDS
        ) as response:
            if not response.is_redirect:
                yield response
                return
            url = _target_of(response)
    raise requests.TooManyRedirects


def _target_of(response: requests.Response) -> str:
    """Return where a redirect leads. Raises ``FetchFailed``."""
    location = response.headers["location"].encode("latin-1").decode(errors="replace")
    try:
        return urljoin(response.url, requote_uri(location))
    except ValueError as error:
        raise FetchFailed(_("the server's answer could not be read")) from error


def _length_of(response: requests.Response) -> int:
    """Return the length of the body, 0 if the server does not say."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and len(length) < _LENGTH_DIGITS else 0


def _says_it_is_live(response: requests.Response) -> bool:
    """Tell whether the headers come from a radio server."""
    server = response.headers.get("Server", "").lower()
    return server.startswith(("icecast", "shoutcast")) or any(
        name.lower().startswith(("icy-", "ice-")) for name in response.headers
    )


class LiveBody:
    """The body of a response that need not end.

    ``url`` is where redirects led; the names of ``headers`` are in lower case.
    """

    def __init__(self, response: requests.Response, deadline: Deadline) -> None:
        self._response = response
        self._deadline = deadline
        self._begun = False
        self.url = str(response.url)
        self.headers = {k.lower(): v for k, v in response.headers.items()}

    def read(self, size: int) -> bytes:
        """Return what has arrived, at least a byte; nothing at the end.

        Raises ``FetchFailed``, also when nothing arrives for long.
        """
        try:
            # Some servers pack even what is asked for as it is.
            data: bytes = self._response.raw.read1(size, decode_content=True)
        except ReadTimeoutError as error:
            raise FetchFailed(_("the server stopped sending")) from error
        except HTTPError as error:
            raise FetchFailed(_("the connection was lost")) from error
        if not self._begun:
            self._begun = True
            self._deadline.lift()
        return data

    def read_all(self, max_bytes: int, *, seconds: float) -> bytes:
        """Return a whole body that does end. Raises ``FetchFailed`` or ``TooLarge``."""
        chunks = arriving(self._response, self._deadline, seconds)
        return b"".join(limit_body(chunks, max_bytes))

    def stop(self) -> None:
        """End the exchange; may be called from another thread."""
        self._deadline.cut()


@contextmanager
def opened(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    first_byte_seconds: float = _FIRST_BYTE_SECONDS,
    quiet_seconds: float = _CONNECT_READ_SECONDS[1],
) -> Iterator[LiveBody]:
    """Open a user-given address for reading while it sends.

    The first byte must arrive within ``first_byte_seconds``, redirects included, and
    each later one within ``quiet_seconds``. Raises ``LinkRefused`` or ``FetchFailed``.
    """
    with (
        exchange(guarded_session(), seconds=first_byte_seconds, of_radio=True) as deadline,
        _answer(
            deadline.session,
            url,
            headers={"Accept-Encoding": "identity", **(headers or {})},
            timeout=(_CONNECT_READ_SECONDS[0], quiet_seconds),
        ) as response,
    ):
        if response.status_code not in {requests.codes.ok, requests.codes.partial}:
            _raise_unless_ok(response)
        yield LiveBody(response, deadline)


def content_type_of(url: str) -> str:
    """Request ``url`` and return its content type without reading the body.

    Raises ``LinkRefused`` or ``FetchFailed``.
    """
    with (
        exchange(guarded_session(), seconds=_FIRST_BYTE_SECONDS) as deadline,
        _answer(deadline.session, url) as response,
    ):
        _raise_unless_ok(response)
        return response.headers.get("Content-Type", "")


def _raise_unless_ok(response: requests.Response) -> None:
    if response.status_code != requests.codes.ok:
        # The server's words, without control characters and not too long.
        reason = one_line(response.reason or "", _REASON_CHARACTERS)
        failed = FetchFailed(
            _("the server answered %(status_code)s %(reason)s")
            % {"status_code": response.status_code, "reason": " ".join(reason.split())}
        )
        failed.status = response.status_code
        raise failed


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of a response to a POST, and the start of its body."""

    status: int
    text: str


def post_json(
    url: str, body: bytes, *, headers: Mapping[str, str], timeout_seconds: float
) -> Answer:
    """Post a body to a user-given address without following redirects.

    Raises ``LinkRefused`` or ``FetchFailed``.
    """
    check_link(url)
    with (
        exchange(guarded_session(), seconds=timeout_seconds) as deadline,
        deadline.session.post(
            url,
            data=body,
            headers={"Content-Type": "application/json", **headers},
            timeout=timeout_seconds,
            stream=True,
        ) as response,
    ):
        try:
            # What the first read yields: do not wait for a slow body.
            begin = response.raw.read1(_ANSWER_BYTES, decode_content=True)
        except HTTPError:
            begin = b""
        return Answer(response.status_code, bytes(begin).decode("utf-8", "replace"))


class BearerToken(AuthBase):
    """Sends a token; as ``auth`` it also keeps a stray .netrc from replacing it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """The complete response of a service that the operator configured."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SizedBody(Protocol):
    """A body that is read while it is sent."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""


def call_service(
    method: str,
    url: str,
    *,
    token: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | SizedBody | None = None,
    max_bytes: int,
) -> ServiceAnswer:
    """Call a service that the operator configured; private addresses are allowed.

    Redirects are not followed, because they would carry the token elsewhere. Raises
    ``FetchFailed`` without a complete response, ``TooLarge`` above the limit.
    """
    sent_at_once = body is None or isinstance(body, bytes)
    seconds = _ANSWER_SECONDS if sent_at_once else _SENDING_SECONDS
    with (
        exchange(_ServiceSession(), seconds=seconds) as deadline,
        deadline.session.request(
            method,
            url,
            data=body,
            headers={"Accept": "application/json", **(headers or {})},
            auth=BearerToken(token),
            timeout=_CONNECT_READ_SECONDS,
            stream=True,
        ) as response,
    ):
        chunks = arriving(response, deadline, _ANSWER_SECONDS)
        received = b"".join(limit_body(chunks, max_bytes))
        return ServiceAnswer(response.status_code, response.headers, received)
