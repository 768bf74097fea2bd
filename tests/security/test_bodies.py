"""Malformed bodies get an answer, never a server error.

The sender decides how much is read: nothing from a stranger reaches the disk.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.common.bodies import STRANGER_BYTES
from scanning.models import Container
from tests.factories.accounts import make_user
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

_MIB = 1024**2
_PARTS = "multipart/form-data; boundary=b"


@pytest.mark.parametrize("body", ["[" * 20_000, '{"a":' * 20_000, "nonsense", ""])
def test_what_is_no_json_is_refused(signed_in: MakeClient, body: str) -> None:
    client: Client = signed_in(Role.ADMIN)

    answer = client.post("/api/portal/v1/links/", body, content_type="application/json")

    assert answer.status_code in (400, 422)


class _Watched(BytesIO):
    """A body that counts how many bytes were read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.taken += len(data)
        return data

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.taken += len(line)
        return line


def _file_part(size: int) -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    return head + bytes(size) + b"\r\n--b--\r\n"


def _send(client: Client, method: str, path: str, body: bytes, **options: Any) -> Any:
    """Send a body; return the response and the number of bytes read.

    Any: the client's type.
    """
    watched = _Watched(body)
    answer = client.generic(
        method,
        path,
        **{
            "CONTENT_TYPE": _PARTS,
            "wsgi.input": watched,
            "CONTENT_LENGTH": str(len(body)),
            **options,
        },
    )
    return answer, watched.taken


_ADDRESSES = {
    ("POST", "/healthz"): 413,
    ("GET", "/healthz"): 413,
    ("POST", "/accounts/login/"): 413,
    ("POST", "/upload/"): 413,
    ("POST", "/admin/"): 413,
    ("POST", "/api/portal/v1/files/"): 413,
    ("POST", "/v1/identify"): 200,
    ("POST", "/api/fs-containers/1/files"): 401,
    ("POST", "/api/buckets"): 401,
    ("PUT", "/uploads/abc?expires=1&signature=x"): 403,
    ("POST", "/callbacks/acrcloud/1/secret"): 404,
    ("POST", "/nowhere"): 404,
}


def test_nothing_of_a_strangers_large_body_is_read(settings: Settings) -> None:
    body = _file_part(9 * _MIB)
    for (method, path), status in _ADDRESSES.items():
        answer, taken = _send(Client(), method, path, body)

        assert (answer.status_code, taken) == (status, 0), (method, path)
        assert _temporary_files(settings) == [], (method, path)


def test_chunks_without_an_end_are_read_to_a_limit(settings: Settings) -> None:
    body = _file_part(9 * _MIB)
    chunked = {
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
    }
    for (method, path), status in _ADDRESSES.items():
        answer, taken = _send(Client(), method, path, body, **chunked)

        assert answer.status_code == status, (method, path)
        most = 8 * _MIB if path == "/v1/identify" else STRANGER_BYTES
        assert taken <= most + 1, (method, path)
        assert _temporary_files(settings) == [], (method, path)


def test_a_clip_without_a_signature_stays_off_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_disk(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a file was begun on disk")

    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", on_disk)

    answer, _taken = _send(Client(), "POST", "/v1/identify", _file_part(4 * _MIB))

    assert answer.json()["status"]["code"] == 3001


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.VIEWER, "/upload/", 413),
        (Role.VIEWER, "/api/portal/v1/files/", 413),
        (Role.REVIEWER, "/catalogue/recordings/new/", 413),
        (Role.ADMIN, "/queue/", 413),
        (Role.REVIEWER, "/upload/", 200),
        (Role.MANAGER, "/catalogue/recordings/new/", 200),
    ],
)
def test_files_are_taken_from_those_who_may_send_them(
    role: Role, path: str, status: int, signed_in: MakeClient
) -> None:
    answer, taken = _send(signed_in(role), "POST", path, _file_part(3 * _MIB))

    assert answer.status_code == status
    assert (taken == 0) == (status == 413)


def test_a_token_without_the_scope_sends_nothing(settings: Settings) -> None:
    container = Container.objects.create(name="Container")
    token = create_token(owner=make_user(Role.ADMIN), name="reads", scopes=["read"])

    answer, taken = _send(
        Client(),
        "POST",
        f"/api/fs-containers/{container.pk}/files",
        _file_part(3 * _MIB),
        HTTP_AUTHORIZATION=f"Bearer {token.secret}",
    )

    assert (answer.status_code, taken) == (403, 0)


def test_an_upload_that_finds_no_room_gives_back_what_it_took(
    signed_in: MakeClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container.objects.create(name="Container")
    written = iter(range(3))

    def until_full(handler: TemporaryFileUploadHandler, data: bytes, start: int) -> None:
        if next(written, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        handler.file.write(data)

    monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", until_full)
    client = signed_in(Role.REVIEWER)
    client.raise_request_exception = False

    answer = client.post(
        "/api/portal/v1/files/",
        {"container": container.pk, "file": SimpleUploadedFile("a.wav", bytes(_MIB))},
    )

    assert answer.status_code == 507
    assert _temporary_files(settings) == []


@pytest.fixture(autouse=True)
def _no_late_cleaning() -> Iterator[None]:
    """Leave nothing that a request should remove to the garbage collector."""
    import gc

    gc.disable()
    yield
    gc.enable()


def _temporary_files(settings: Settings) -> list[Path]:
    return list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir())
