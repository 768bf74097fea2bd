"""Signed-in people with a session, who call the web server over real sockets."""

from __future__ import annotations

import http.client
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlencode, urljoin

# Any value works as CSRF token if the cookie and the header agree.
_TOKEN = "a" * 32
_IDLE_SECONDS = 1.0
_FORM = "application/x-www-form-urlencoded"

_KEEP = re.compile(r"max-age=(\d+)")
# url(…) of a style sheet, and imports of a module.
_NAMED = {
    ".css": re.compile(rb"""url\(["']?([\w./-]+)"""),
    ".js": re.compile(rb"""\b(?:from|import)\s+"(\.[\w./-]+)\""""),
}

Fields = Mapping[str, str | Iterable[str]]


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """The response to one request."""

    status: int
    location: str
    modified: str
    keep_seconds: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    """A cached file: its modification time, its expiry, and the addresses in it."""

    modified: str
    until: float
    names: list[str]


def session_of(username: str) -> str:
    """Sign somebody in and return the session cookie; Django must be set up."""
    from django.conf import settings
    from django.test import Client

    from base.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username=username))
    value: str = client.cookies[settings.SESSION_COOKIE_NAME].value
    return value


def multipart(fields: Fields, name: str, content: bytes) -> tuple[bytes, str]:
    """Return the body and content type of a form with a file."""
    mark = uuid.uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    ]
    head = (
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; '
        'filename="sound.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    )
    whole = "".join(parts).encode() + head.encode() + content
    return (whole + f"\r\n--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}")


def _named_in(path: str, content: bytes) -> list[str]:
    """Return the addresses that a style sheet or script names."""
    pattern = _NAMED.get(PurePosixPath(path).suffix)
    matches = set(pattern.findall(content)) if pattern else ()
    return sorted(urljoin(path, name.decode()) for name in matches)


class Person:
    """A person with a session, who keeps a connection open as a browser does."""

    def __init__(self, port: int, session: str, *, timeout: float = 120.0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self._last = 0.0
        self._kept: dict[str, _Kept] = {}
        self._headers = {
            "Cookie": f"sessionid={session}; csrftoken={_TOKEN}",
            "X-CSRFToken": _TOKEN,
            "Connection": "keep-alive",
        }

    def get(self, path: str) -> PageAnswer:
        """Open a page."""
        return self._ask("GET", path, None, {})

    def draw_with(self, path: str) -> Iterator[tuple[str, PageAnswer]]:
        """Fetch the assets of a page, and the assets they name, as a browser does.

        A cached file that is still valid is not requested; an expired one is fetched
        only if it changed. Yields the requests.
        """
        paths = [path]
        for text in paths:
            cached = self._kept.get(text)
            if cached is None or cached.until <= time.monotonic():
                headers = {"If-Modified-Since": cached.modified} if cached else {}
                answer = self._ask("GET", text, None, headers)
                cached = _Kept(
                    answer.modified,
                    time.monotonic() + answer.keep_seconds,
                    cached.names if cached else _named_in(text, answer.body),
                )
                self._kept[text] = cached
                yield text, answer
            paths += [name for name in cached.names if name not in paths]

    def post(self, path: str, fields: Fields) -> PageAnswer:
        """Send a form."""
        body = urlencode(dict(fields), doseq=True).encode()
        return self._ask("POST", path, body, {"Content-Type": _FORM})

    def bring(self, path: str, fields: Fields, name: str, content: bytes) -> PageAnswer:
        """Send a form with a file."""
        body, content_type = multipart(fields, name, content)
        return self._ask("POST", path, body, {"Content-Type": content_type})

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> PageAnswer:
        # Servers close idle connections; browsers notice and open another.
        if time.monotonic() - self._last > _IDLE_SECONDS:
            self._connection.close()
        try:
            self._connection.request(method, path, body=body, headers=self._headers | headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            # The server closed the connection or died; the next call opens another.
            self._connection.close()
            raise
        self._last = time.monotonic()
        control = answer.getheader("Cache-Control", "")
        return PageAnswer(
            answer.status,
            answer.getheader("Location", ""),
            answer.getheader("Last-Modified", ""),
            int(match[1]) if (match := _KEEP.search(control)) else 0,
            content,
        )
