"""People as the web server sees them: signed in, with a session, over real sockets."""

from __future__ import annotations

import http.client
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlencode, urljoin

# What a form's token has to be: one's own cookie and the header say the same.
_TOKEN = "a" * 32
_IDLE_SECONDS = 1.0
_FORM = "application/x-www-form-urlencoded"

_KEEP = re.compile(r"max-age=(\d+)")
# url(…) of a style sheet, and what a module imports.
_NAMED = {
    ".css": re.compile(rb"""url\(["']?([\w./-]+)"""),
    ".js": re.compile(rb"""\b(?:from|import)\s+"(\.[\w./-]+)\""""),
}

Fields = Mapping[str, str | Iterable[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    location: str
    modified: str
    keep_seconds: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file that one has: of when it is, until when it may be kept, what it names."""

    modified: str
    until: float
    names: list[str]


def session_of(username: str) -> str:
    """Sign somebody in and return the cookie's value; Django must be set up."""
    from django.conf import settings
    from django.test import Client

    from accounts.models import User

    client = Client()
    client.force_login(User.objects.get(username=username))
    value: str = client.cookies[settings.SESSION_COOKIE_NAME].value
    return value


def multipart(fields: Fields, name: str, content: bytes) -> tuple[bytes, str]:
    """Return the body of a form that brings a file, and its content type."""
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
    return (
        whole + f"\r\n--{mark}--\r\n".encode(),
        f"multipart/form-data; boundary={mark}",
    )


def _named_in(path: str, content: bytes) -> list[str]:
    """Return the addresses of what a style sheet or a script names."""
    pattern = _NAMED.get(PurePosixPath(path).suffix)
    found = set(pattern.findall(content)) if pattern else ()
    return sorted(urljoin(path, name.decode()) for name in found)


class Person:
    """Somebody with a session, who keeps a connection open as a browser does."""

    def __init__(self, port: int, session: str, *, timeout: float = 120.0) -> None:
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=timeout
        )
        self._last = 0.0
        self._kept: dict[str, _Kept] = {}
        self._headers = {
            "Cookie": f"sessionid={session}; csrftoken={_TOKEN}",
            "X-CSRFToken": _TOKEN,
            "Connection": "keep-alive",
        }

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._ask("GET", path, None, {})

    def draw_with(self, path: str) -> Iterator[tuple[str, Answer]]:
        """Fetch what a page is drawn with, and what that names in turn, as a browser does.

        What one has and may keep is not asked for; what one has and has to ask for again
        is fetched only if it changed. Yields what was asked.
        """
        wanted = [path]
        for one in wanted:
            kept = self._kept.get(one)
            if kept is None or kept.until <= time.monotonic():
                headers = {"If-Modified-Since": kept.modified} if kept else {}
                answer = self._ask("GET", one, None, headers)
                kept = _Kept(
                    answer.modified,
                    time.monotonic() + answer.keep_seconds,
                    kept.names if kept else _named_in(one, answer.body),
                )
                self._kept[one] = kept
                yield one, answer
            wanted += [name for name in kept.names if name not in wanted]

    def post(self, path: str, fields: Fields) -> Answer:
        """Send a form."""
        body = urlencode(dict(fields), doseq=True).encode()
        return self._ask("POST", path, body, {"Content-Type": _FORM})

    def bring(self, path: str, fields: Fields, name: str, content: bytes) -> Answer:
        """Send a form with a file."""
        body, content_type = multipart(fields, name, content)
        return self._ask("POST", path, body, {"Content-Type": content_type})

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        # A server closes what is idle; browsers notice, and open another.
        if time.monotonic() - self._last > _IDLE_SECONDS:
            self._connection.close()
        try:
            self._connection.request(
                method, path, body=body, headers=self._headers | headers
            )
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            # The server closed it, or died; the next call opens another.
            self._connection.close()
            raise
        self._last = time.monotonic()
        control = answer.getheader("Cache-Control", "")
        return Answer(
            answer.status,
            answer.getheader("Location", ""),
            answer.getheader("Last-Modified", ""),
            int(found[1]) if (found := _KEEP.search(control)) else 0,
            content,
        )
