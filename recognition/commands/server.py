"""A small client of ACRCloud's protocol, which portals speak too: send a file, find one.

It uses the standard library alone, with its checks of certificates. Redirects are
refused: following one could hand the token to another host.
"""

from __future__ import annotations

import email.utils
import hashlib
import http.client
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import IO, Final, NoReturn
from urllib.parse import urlencode

from recognition.commands.uploads import Answer, NoAnswer, ServerRefused, Target, TargetKind, Upload

TIMEOUT_S: Final = 60.0
# Waits before another try; a minute and a half in all.
PAUSES_S: Final = (2.0, 8.0, 20.0, 60.0)
MAX_PAUSE_S: Final = 120.0
MAX_ANSWER_BYTES: Final = 16 << 20
CHUNK_BYTES: Final = 1 << 20
LISTED: Final = 100
# 409: the first request with this key still runs.
BUSY: Final = frozenset({409, 429, 500, 502, 503, 504})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> NoReturn:
        fp.close()
        raise ServerRefused(
            code,
            "redirected",
            f"The server redirects to {newurl}. Name that address, if it is yours.",
        )


class ServerClient:
    """Calls of one server with one token. ``pauses_s`` are the waits between tries."""

    def __init__(self, base: str, token: str, pauses_s: Sequence[float] = PAUSES_S) -> None:
        self._base = base
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pauses_s = pauses_s
        self._opener = urllib.request.build_opener(_NoRedirects)
        self._clock: tuple[datetime, float] | None = None

    def check(self, target: Target) -> None:
        """Ask for the target once, so that a wrong token or id fails before all files."""
        self._get(f"{target.path}?per_page=1")

    def now(self) -> datetime:
        """Return the time by the server's clock, to the second, after ``check``."""
        if self._clock is None:
            return datetime.now(tz=UTC).replace(microsecond=0)
        moment, at = self._clock
        passed = int(time.monotonic() - at)
        return datetime.fromtimestamp(moment.timestamp() + passed, tz=UTC)

    def send(
        self, target: Target, upload: Upload, since: datetime, other_ids: Collection[str]
    ) -> Answer:
        """Send a file once, and return the server's id for it.

        If an answer is lost, the server's list says whether the file, sent at ``since``
        or later, has arrived. ``other_ids`` are the ids of files with other content.
        """
        for pause_s in self._pauses_s:
            try:
                return self._post(target, upload)
            except NoAnswer as error:
                _wait(error, pause_s)
            if row := self.find(target, upload.name, since, other_ids):
                return row
        return self._post(target, upload)

    def find(
        self, target: Target, name: str, since: datetime, other_ids: Collection[str]
    ) -> Answer | None:
        """Return the file of this name that the server got at ``since`` or later.

        Dedup files need no search: the same id is taken once.
        """
        if target.kind is TargetKind.DEDUP:
            return None
        query = urlencode({"search": name, "per_page": LISTED, "order": "desc"})
        naming = "name" if target.kind is TargetKind.CONTAINER else "title"
        rows = self._get(f"{target.path}?{query}").get("data")
        for row in rows if isinstance(rows, list) else ():
            if not isinstance(row, dict):
                continue
            fits = row.get(naming) == name and str(row.get("id")) not in other_ids
            if fits and _instant(row.get("created_at")) >= since:
                return dict(row)
        return None

    def _get(self, path: str) -> Answer:
        request = urllib.request.Request(self._base + path)  # noqa: S310  as below
        for pause_s in self._pauses_s:
            try:
                return self._call(request)
            except NoAnswer as error:
                _wait(error, pause_s)
        return self._call(request)

    def _post(self, target: Target, upload: Upload) -> Answer:
        boundary = secrets.token_hex(16)
        head, tail = _multipart(upload.fields(target), upload, boundary)
        request = urllib.request.Request(  # noqa: S310  checked in credentials
            self._base + target.path,
            data=_body(head, upload, tail),
            headers={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(len(head) + upload.size + len(tail)),
                # Portals repeat their first answer for a day.
                "Idempotency-Key": _key(target, upload),
            },
        )
        data = self._call(request).get("data")
        if not isinstance(data, dict):
            raise ServerRefused(200, "bad_answer", "The server's answer has no data.")
        return data

    def _call(self, request: urllib.request.Request) -> Answer:
        for name, value in self._headers.items():
            # Not sent on to a proxy or after a redirect.
            request.add_unredirected_header(name, value)
        request.add_header("Accept", "application/json")
        request.add_header("User-Agent", "acrfp")
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                self._note_clock(response.headers.get("Date"))
                body = response.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise NoAnswer(f"{self._base} does not answer: {reason}") from error
        return _json(body)

    def _note_clock(self, date: str | None) -> None:
        if date is None or self._clock is not None:
            return
        try:
            moment = email.utils.parsedate_to_datetime(date)
        except ValueError:
            return
        self._clock = (moment, time.monotonic())


def _wait(error: NoAnswer, pause_s: float) -> None:
    """Wait as long as the server asks, or else ``pause_s``."""
    wait_s = pause_s if error.pause_s is None else error.pause_s
    time.sleep(min(wait_s, MAX_PAUSE_S))


def _key(target: Target, upload: Upload) -> str:
    """Return a key that depends only on file, name and target."""
    text = f"{target.path}\n{upload.name}\n{upload.digest}"
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _multipart(fields: Mapping[str, str], upload: Upload, boundary: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the file in a form."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    # As browsers write the characters that would end the name (HTML, form encoding).
    file_name = upload.path.name
    for sign, code in (('"', "%22"), ("\r", "%0D"), ("\n", "%0A")):
        file_name = file_name.replace(sign, code)
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="{file_name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    )
    head = "".join(parts).encode("utf-8", errors="replace")
    return head, f"\r\n--{boundary}--\r\n".encode()


def _body(head: bytes, upload: Upload, tail: bytes) -> Iterator[bytes]:
    yield head
    remaining = upload.size
    with upload.path.open("rb") as file:
        while remaining:
            chunk = file.read(min(remaining, CHUNK_BYTES))
            if not chunk:
                raise ServerRefused(422, "file_changed", "The file changed while it was sent.")
            remaining -= len(chunk)
            yield chunk
    yield tail


def _refusal(error: urllib.error.HTTPError) -> ServerRefused | NoAnswer:
    try:
        body = _json(error.read(MAX_ANSWER_BYTES))
    except (ServerRefused, OSError, http.client.HTTPException):
        body = {}
    message = str(body.get("message") or body.get("error") or error.reason)
    if error.code in BUSY:
        after = error.headers.get("Retry-After", "")
        pause_s = float(after) if after.isdecimal() else None
        return NoAnswer(f"The server is busy ({error.code}): {message}", pause_s)
    return ServerRefused(error.code, str(body.get("code", error.code)), message)


def _json(body: bytes) -> Answer:
    try:
        value = json.loads(body)
    # Deeply nested JSON raises RecursionError.
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ServerRefused(
            200, "bad_answer", "The answer is no JSON object. Is this address right?"
        )
    return value


def _instant(text: object) -> datetime:
    """Return a time as servers write it, or the first of all times."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    # Buckets write plain UTC.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
