"""A client for ACRCloud's File Scanning API, for one account.

It works with any server that speaks the protocol, including this portal. Every failure
raises ``CloudFault`` with the cloud's own error text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from base.common.exchanges import FetchFailed, TooLarge
from base.common.fingerprint_files import ACCEPT_HEADER, MAX_BYTES, NO_FINGERPRINT, accepts_ours
from base.common.http import ServiceAnswer, SizedBody, call_service
from base.common.multipart import MultipartBody, Progress
from base.common.reading import read_number
from base.common.secret_text import SecretUnreadable, unseal
from scanning.engines.cloud_faults import CloudFault, FaultKind, fault_of
from scanning.models import CloudAccount, Container

# Any in this module: JSON from another service, read value by value.
Json = dict[str, Any]
Read = TypeVar("Read")

_VENDOR = ".acrcloud.com"
_PER_PAGE = 100
# Guards against a server that always returns full pages.
_MAX_PAGES = 50
# Some servers send more than they were asked for, but none that honestly so much.
_MOST_ROWS = 1_000
# One every nine seconds.
_MOST_PLAYS = 10_000
_MOST_TOLD = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the cloud reports it; ``raw`` is the complete answer."""

    id: str
    name: str
    data_type: str
    state: int
    duration_ms: int
    results: object
    raw: bytes


@dataclass(frozen=True, slots=True)
class RemoteContainer:
    """A container as the cloud reports it."""

    id: int
    name: str
    region: str
    callback_url: str
    audio_type: str
    policy: Json
    buckets: tuple[str, ...]
    bucket_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemotePage:
    """One page of a list: its objects, and what the server says of the whole list.

    ``total`` and ``last`` are None if it does not say.
    """

    rows: list[Json]
    total: int | None
    last: int | None


class Cloud:
    """API calls for one account."""

    def __init__(self, account: CloudAccount) -> None:
        self._base = account.base_url.rstrip("/")
        self._files_base = files_base(account)
        self._region = account.region
        try:
            self._token = unseal(account.token_sealed)
        except SecretUnreadable as error:
            raise CloudFault(
                FaultKind.TOKEN, _("the stored token is unreadable because SECRET_KEY has changed")
            ) from error

    def read_page(
        self, path: str, *, page: int, per_page: int, of_files: bool = False, **parameters: str
    ) -> RemotePage:
        """Return one page of any list, with further parameters.

        ``of_files`` reads it where the region's files are.
        """
        query = urlencode({"page": page, "per_page": per_page, **parameters})
        base = self._files_base if of_files else self._base
        answer = self._get(f"{base}/{path}?{query}")
        meta = json.loads(answer).get("meta")
        about = meta if isinstance(meta, dict) else {}
        return RemotePage(
            _counted(answer, _MOST_ROWS), _count(about.get("total")), _count(about.get("last_page"))
        )

    def read_plays(self, project: str, stream: str, day: str) -> list[Json]:
        """Return the plays of a day (``20260502``) of a stream."""
        path = f"bm-cs-projects/{quote(project, safe='')}/streams/{quote(stream, safe='')}"
        query = urlencode({"type": "day", "date": day})
        answer = self._get(f"{self._base}/{path}/results?{query}")
        return _counted(answer, _MOST_PLAYS)

    def stream_projects(self) -> dict[str, tuple[str, ...]]:
        """Return the ids of the buckets that each project of streams searches, by id."""
        rows = self._every_row("bm-cs-projects")
        return {str(row.get("id")): _ids(_buckets(row)) for row in rows}

    def containers(self) -> list[RemoteContainer]:
        """Return all containers that the token can see, in every region."""
        rows = self._every_row("fs-containers")
        containers = map(_container, rows)
        return [container for container in containers if container is not None]

    def container(self, container_id: int) -> RemoteContainer:
        """Return one container; raise ``CloudFault`` if it is unknown."""
        answer = self._get(f"{self._base}/fs-containers/{container_id}")
        return _needed(_container(_first(answer)), answer)

    def takes_fingerprints(self, container_id: int) -> bool:
        """Return whether a container of another portal takes fingerprints of ours.

        A portal says so in a header. Other servers answer without it, and ACRCloud's
        own hosts are not asked.
        """
        if _is_vendor(self._base):
            return False
        url = f"{self._base}/fs-containers/{container_id}"
        answer = self._exchange("GET", url)
        return accepts_ours(answer.headers.get(ACCEPT_HEADER, ""))

    def read_fingerprint(self, acr_id: str) -> bytes | None:
        """Return the fingerprint of a recording in another portal; None if it has none.

        Servers that are no portals raise ``CloudFault`` with ``FaultKind.GONE``; ACRCloud's
        own hosts are not asked.
        """
        if _is_vendor(self._base):
            raise CloudFault(FaultKind.GONE, "no portal")
        address = f"portal/v1/recordings/{quote(acr_id, safe='')}/fingerprint/"
        answer = self._reach("GET", f"{self._base}/{address}", max_bytes=MAX_BYTES)
        if answer.status == 200:
            return answer.body
        if answer.status == 404 and NO_FINGERPRINT.encode() in answer.body:
            return None
        if answer.status == 404:
            raise CloudFault(FaultKind.GONE, "no portal")
        wait = answer.headers.get("Retry-After", "")
        raise fault_of(answer.status, answer.body, retry_after=wait)

    def create_container(
        self, container: Container, *, buckets: Sequence[int | str], callback_url: str
    ) -> RemoteContainer:
        """Create a container in the cloud with the settings of ``container``."""
        answer = self._send_json(
            "POST",
            f"{self._base}/fs-containers",
            {
                "name": container.name,
                "region": self._region,
                "audio_type": container.audio_type,
                "buckets": list(buckets),
                "engine": container.wire_engine,
                "policy": container.policy,
                "callback_url": callback_url,
            },
        )
        return _needed(_container(_first(answer)), answer)

    def set_callback(self, container_id: int, callback_url: str) -> None:
        """Have the cloud post the container's results to an address."""
        self._send_json(
            "PUT", f"{self._base}/fs-containers/{container_id}", {"callback_url": callback_url}
        )

    def list_files(self, container_id: int, *, search: str = "") -> list[RemoteFile]:
        """Return the newest 20 files whose name or URI contains ``search``."""
        query = urlencode({"search": search, "per_page": 20})
        answer = self._get(f"{self._files(container_id)}?{query}")
        rows = _counted(answer, _MOST_ROWS)
        files = (_file(row, answer) for row in rows)
        return [file for file in files if file is not None]

    def send_file(
        self,
        container_id: int,
        *,
        file: BinaryIO,
        file_bytes: int,
        fields: Mapping[str, str],
        key: str,
        progress: Progress,
    ) -> RemoteFile:
        """Send audio or a fingerprint, streamed from ``file``."""
        body = MultipartBody(fields=fields, file=file, file_bytes=file_bytes, progress=progress)
        answer = self._exchange(
            "POST",
            self._files(container_id),
            body=body,
            # This portal's own API honours the key, so a repeated request makes no
            # second file.
            headers={"Content-Type": body.content_type, "Idempotency-Key": key},
        ).body
        return _needed(_file(_first(answer), answer), answer)

    def send_link(self, container_id: int, *, fields: Mapping[str, str], key: str) -> RemoteFile:
        """Have the cloud fetch a link."""
        answer = self._send_json(
            "POST", self._files(container_id), fields, {"Idempotency-Key": key}
        )
        return _needed(_file(_first(answer), answer), answer)

    def show_file(self, container_id: int, file_id: str) -> RemoteFile:
        """Return a file with its results."""
        answer = self._get(self._file(container_id, file_id), asks_file=True)
        return _needed(_file(_first(answer), answer), answer)

    def rescan_file(self, container_id: int, file_id: str) -> None:
        """Have the cloud scan a file again."""
        self._exchange("PUT", f"{self._file(container_id, file_id)}/rescan", asks_file=True)

    def delete_file(self, container_id: int, file_id: str) -> None:
        """Delete a file; a file that is already gone is no error."""
        try:
            self._exchange("DELETE", self._file(container_id, file_id), asks_file=True)
        except CloudFault as fault:
            if fault.kind is not FaultKind.GONE:
                raise

    def _every_row(self, path: str) -> Iterator[Json]:
        for page in range(1, _MAX_PAGES + 1):
            query = urlencode({"page": page, "per_page": _PER_PAGE})
            rows = _counted(self._get(f"{self._base}/{path}?{query}"), _MOST_ROWS)
            yield from rows
            if len(rows) < _PER_PAGE:
                break

    def _files(self, container_id: int) -> str:
        return f"{self._files_base}/fs-containers/{container_id}/files"

    def _file(self, container_id: int, file_id: str) -> str:
        return f"{self._files(container_id)}/{quote(file_id, safe='')}"

    def _get(self, url: str, *, asks_file: bool = False) -> bytes:
        return self._exchange("GET", url, asks_file=asks_file).body

    def _send_json(
        self,
        method: str,
        url: str,
        values: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        return self._exchange(
            method,
            url,
            body=json.dumps(values).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        ).body

    def _exchange(
        self,
        method: str,
        url: str,
        *,
        body: bytes | SizedBody | None = None,
        headers: Mapping[str, str] | None = None,
        asks_file: bool = False,
    ) -> ServiceAnswer:
        answer = self._reach(
            method, url, headers=headers, body=body, max_bytes=settings.ACRPORTAL_CALLBACK_MAX_BYTES
        )
        # Some refusals have status 200 and a body that contains only a code.
        done = 200 <= answer.status < 300 and (not answer.body or _holds(answer.body))
        if not done:
            raise fault_of(
                answer.status,
                answer.body,
                retry_after=answer.headers.get("Retry-After", ""),
                asks_file=asks_file,
            )
        return answer

    def _reach(
        self,
        method: str,
        url: str,
        *,
        max_bytes: int,
        body: bytes | SizedBody | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ServiceAnswer:
        try:
            return call_service(
                method, url, token=self._token, headers=headers, body=body, max_bytes=max_bytes
            )
        except FetchFailed as error:
            raise CloudFault(FaultKind.UNREACHABLE, str(error)) from error
        except TooLarge as error:
            raise CloudFault(
                FaultKind.REFUSED, _("(the answer exceeds the size limit for callbacks)")
            ) from error


def files_base(account: CloudAccount) -> str:
    """Return the base address for files: ACRCloud serves them from regional hosts."""
    base = account.base_url.rstrip("/")
    host = urlsplit(base).hostname or ""
    # Other servers with this protocol use one host for everything.
    if host.startswith("api-v2.") and _is_vendor(base):
        return f"https://api-{account.region}{_VENDOR}/api"
    return base


def _is_vendor(base: str) -> bool:
    return (urlsplit(base).hostname or "").endswith(_VENDOR)


def _needed(read: Read | None, answer: bytes) -> Read:
    """Return the parsed value; an answer without one counts as a failure."""
    if read is None:
        raise fault_of(200, answer)
    return read


def _rows(answer: bytes) -> list[Json]:
    data = json.loads(answer)["data"] if answer else None
    rows = data if isinstance(data, list) else [data]
    return [row for row in rows if isinstance(row, dict)]


def _counted(answer: bytes, most: int) -> list[Json]:
    """Return the rows of an answer; raise ``CloudFault`` if nobody asked for so many."""
    rows = _rows(answer)
    if len(rows) > most:
        raise CloudFault(
            FaultKind.REFUSED,
            _("(the answer has %(count)s rows, where at most %(most)s were expected)")
            % {"count": read_number(len(rows)), "most": read_number(most)},
        )
    return rows


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST_TOLD else None


def _first(answer: bytes) -> Json:
    return next(iter(_rows(answer)), {})


def _holds(answer: bytes) -> bool:
    """Return whether an answer has the ``data`` that the protocol promises."""
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "data" in content


def _file(row: Json, answer: bytes) -> RemoteFile | None:
    file_id, state = row.get("id"), row.get("state")
    if not isinstance(file_id, str | int) or isinstance(file_id, bool):
        return None
    if isinstance(state, bool) or not isinstance(state, int):
        return None
    duration = row.get("duration")
    has_duration = isinstance(duration, int | float) and not isinstance(duration, bool)
    return RemoteFile(
        id=str(file_id)[:64],
        name=str(row.get("name") or ""),
        data_type=str(row.get("data_type") or ""),
        state=state,
        duration_ms=max(0, round(1000 * float(duration or 0))) if has_duration else 0,
        results=row.get("results"),
        raw=answer,
    )


def _container(row: Json) -> RemoteContainer | None:
    number = row.get("id")
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        return None
    policy, buckets = row.get("policy"), _buckets(row)
    return RemoteContainer(
        id=number,
        name=str(row.get("name") or number)[:200],
        region=str(row.get("region") or "")[:32],
        callback_url=str(row.get("callback_url") or ""),
        audio_type=str(row.get("audio_type") or ""),
        policy=policy if isinstance(policy, dict) else {},
        buckets=tuple(str(bucket.get("name") or bucket.get("id")) for bucket in buckets),
        bucket_ids=_ids(buckets),
    )


def _buckets(row: Json) -> list[Json]:
    buckets = row.get("buckets")
    return [
        bucket
        for bucket in (buckets if isinstance(buckets, list) else [])
        if isinstance(bucket, dict)
    ]


def _ids(buckets: Iterable[Json]) -> tuple[str, ...]:
    return tuple(str(bucket.get("id")) for bucket in buckets)
