"""Outgoing HTTP: the one place that talks to other servers.

The guarded session resolves a host once, refuses private and local addresses, and
connects to the very address it checked, on each redirect anew; so a name that
changes its answer between the check and the connection gains nothing. The plain
client (``call_service``) is for addresses that the operator configured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Protocol
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.auth import AuthBase
from requests_hardened import Config, Manager
from requests_hardened.ip_filter import InvalidIPAddress
from urllib3.exceptions import HTTPError, ReadTimeoutError

_CONNECT_READ_SECONDS = (10.0, 30.0)
_CHUNK_BYTES = 256 * 1024
_MAX_REDIRECTS = 5
_ANSWER_BYTES = 500
_ANSWER_SECONDS = 300.0
# A host's name that cannot be one is told by the library below.
_NO_ANSWER = (requests.RequestException, HTTPError)


class LinkRefused(Exception):
    """The link may not be fetched; the text says why, for the person who gave it."""


class FetchFailed(Exception):
    """The link could not be fetched; the text says why.

    ``status`` is what the server answered, where that was the cause.
    """

    status: int | None = None


class TooLarge(Exception):
    """The answer is larger than the limit."""


def check_link(url: str) -> None:
    """Raise ``LinkRefused`` for what is refused before any connection is made."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise LinkRefused("it is not a complete web address") from error
    if parts.scheme not in {"http", "https"}:
        raise LinkRefused("only http and https links are fetched")
    if not host:
        raise LinkRefused("it names no server")
    if parts.username or parts.password:
        raise LinkRefused("links with a user name or password are not fetched")


def guarded_session() -> requests.Session:
    """Return a session for addresses that users give; see the module's text."""
    session: requests.Session = Manager(
        Config(
            ip_filter_enable=not settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES,
            ip_filter_allow_loopback_ips=False,
            never_redirect=False,
            default_timeout=_CONNECT_READ_SECONDS,
            user_agent_override="acrportal",
        )
    ).get_session()
    # A proxy from the environment would resolve the name itself, past our check.
    session.trust_env = False
    session.max_redirects = _MAX_REDIRECTS
    return session


def download(
    url: str,
    target: Path,
    *,
    max_bytes: int,
    max_seconds: float = 3600.0,
    progress: Callable[[float], None] | None = None,
) -> str:
    """Fetch ``url`` into ``target``; return the answer's content type.

    Raises ``LinkRefused``, ``FetchFailed`` or ``TooLarge``. ``progress`` is
    told the share fetched, a half where the server did not say how much there is; it
    may raise.
    """
    check_link(url)
    deadline = monotonic() + max_seconds
    try:
        with guarded_session() as session, session.get(url, stream=True) as response:
            _raise_unless_ok(response)
            told = response.headers.get("Content-Length", "")
            total = int(told) if told.isdecimal() else 0
            if total > max_bytes:
                raise TooLarge
            received = 0
            with target.open("wb") as file:
                for chunk in _arriving(response, deadline):
                    received += len(chunk)
                    if received > max_bytes:
                        raise TooLarge
                    file.write(chunk)
                    if progress is not None:
                        progress(min(1.0, received / total) if total else 0.5)
            return response.headers.get("Content-Type", "")
    except InvalidIPAddress as error:
        raise LinkRefused("it leads to a private or local address") from error
    except _NO_ANSWER as error:
        raise FetchFailed(_plain_cause(error)) from error


def _arriving(response: requests.Response, deadline: float) -> Iterator[bytes]:
    """Yield the body as it comes in, so that a server that drips is given up in time.

    One that was cut short is an error.
    """
    try:
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            if monotonic() > deadline:
                raise FetchFailed("the server took too long")
            yield chunk
    except ReadTimeoutError as error:
        raise FetchFailed("the server did not answer in time") from error
    except HTTPError as error:
        raise FetchFailed("the server's answer could not be read") from error


def content_type_of(url: str) -> str:
    """Ask for ``url`` and return its content type; the body is not read.

    Raises ``LinkRefused`` or ``FetchFailed``.
    """
    check_link(url)
    try:
        with guarded_session() as session, session.get(url, stream=True) as response:
            _raise_unless_ok(response)
            return response.headers.get("Content-Type", "")
    except InvalidIPAddress as error:
        raise LinkRefused("it leads to a private or local address") from error
    except _NO_ANSWER as error:
        raise FetchFailed(_plain_cause(error)) from error


def _raise_unless_ok(response: requests.Response) -> None:
    if response.status_code != requests.codes.ok:
        failed = FetchFailed(
            f"the server answered {response.status_code} {response.reason}"
        )
        failed.status = response.status_code
        raise failed


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to a post: its status and how its body begins."""

    status: int
    text: str


def post_json(
    url: str, body: bytes, *, headers: Mapping[str, str], timeout_seconds: float
) -> Answer:
    """Post a body to an address that a user gave; redirects are not followed.

    Raises ``LinkRefused`` or ``FetchFailed``.
    """
    check_link(url)
    try:
        with (
            guarded_session() as session,
            session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", **headers},
                timeout=timeout_seconds,
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            return Answer(response.status_code, _beginning(response))
    except InvalidIPAddress as error:
        raise LinkRefused("it leads to a private or local address") from error
    except _NO_ANSWER as error:
        raise FetchFailed(_plain_cause(error)) from error


def _beginning(response: requests.Response) -> str:
    """Return what came with the first read: a slow body is not waited for."""
    try:
        begin = response.raw.read1(_ANSWER_BYTES, decode_content=True)
    except HTTPError:
        return ""
    return bytes(begin).decode("utf-8", "replace")


class BearerToken(AuthBase):
    """Sends a token; as an ``auth`` it also keeps a stray .netrc from replacing it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """A whole answer of a service that the operator configured."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SizedBody(Protocol):
    """A body that is read as it is sent."""

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
    """Call a service at an address that the operator configured, private ones too.

    Redirects are not followed: they would carry the token elsewhere. Raises
    ``FetchFailed`` where no whole answer came, ``TooLarge`` for one over the limit.
    """
    try:
        with (
            requests.Session() as session,
            session.request(
                method,
                url,
                data=body,
                headers={"Accept": "application/json", **(headers or {})},
                auth=BearerToken(token),
                timeout=_CONNECT_READ_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            received = b"".join(_limited(response, max_bytes))
            return ServiceAnswer(response.status_code, response.headers, received)
    except _NO_ANSWER as error:
        raise FetchFailed(_plain_cause(error)) from error


def _limited(response: requests.Response, max_bytes: int) -> Iterator[bytes]:
    """Yield the body up to the limit; one that was cut short is an error."""
    received = 0
    for chunk in _arriving(response, monotonic() + _ANSWER_SECONDS):
        received += len(chunk)
        if received > max_bytes:
            raise TooLarge
        yield chunk


def _plain_cause(error: Exception) -> str:
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects too often"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate could not be checked"
    if isinstance(error, requests.ConnectionError):
        return "the server could not be reached"
    return "the server's answer could not be read"
