"""Bodies that programs send with a token, at the size that people may send."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from base.accounts.tokens import create_token
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory

pytestmark = pytest.mark.django_db
HERE = "/api/portal/v1"
_MIB = 1024**2


def caller(role: Role, *scopes: str) -> Client:
    token = create_token(owner=make_user(role), name="test", scopes=list(scopes))
    return Client(headers={"Authorization": f"Bearer {token.secret}"})


def test_a_table_of_recordings_larger_than_a_form_is_imported(settings: Settings) -> None:
    manager = caller(Role.MANAGER, "catalogue")
    bucket = BucketFactory.create()
    rows = b"".join(
        b"Title %d,Artist %d,%s\n" % (number, number, b"x" * 100) for number in range(40_000)
    )
    content = b"title,artist,note\n" + rows
    assert len(content) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE + _MIB

    answer = manager.post(
        f"{HERE}/imports/recordings/",
        {"table": SimpleUploadedFile("table.csv", content), "bucket": bucket.pk},
    )

    assert answer.status_code == 202, answer.content


def test_a_long_json_body_is_read_for_its_token() -> None:
    reviewer = caller(Role.REVIEWER, "report")
    body = {"padding": "x" * _MIB, "kind": "matches"}

    answer = reviewer.post(f"{HERE}/reports/", body, content_type="application/json")

    assert answer.status_code != 413


@pytest.mark.parametrize(
    ("scopes", "role", "size", "status"),
    [
        # The role may not import, the scope does not cover it, the table is too large.
        (["all"], Role.REVIEWER, _MIB, 403),
        (["read"], Role.MANAGER, _MIB, 403),
        (["all"], Role.MANAGER, 3000 * _MIB, 413),
    ],
)
def test_nothing_is_read_of_what_a_token_may_not_send(
    scopes: list[str], role: Role, size: int, status: int
) -> None:
    class Unread(BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise AssertionError("the body was read")

    answer = caller(role, *scopes).generic(
        "POST",
        f"{HERE}/imports/recordings/",
        **{  # type: ignore[arg-type]  # as a server passes them
            "CONTENT_TYPE": "multipart/form-data; boundary=b",
            "CONTENT_LENGTH": str(size),
            "wsgi.input": Unread(),
        },
    )

    assert answer.status_code == status
    assert answer.json()["code"]


def test_a_body_without_a_valid_token_stays_small() -> None:
    stranger = Client(headers={"Authorization": "Bearer acrp_nonsense"})

    answer = stranger.post(
        f"{HERE}/imports/recordings/", {"table": SimpleUploadedFile("a.csv", b"x" * _MIB)}
    )

    assert answer.status_code == 401
