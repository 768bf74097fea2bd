"""Uploads in pieces: broken off, continued, finished once, and given up."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from scanning.models import Container, ResumableUpload, ScannedFile, UploadPiece
from scanning.services.resumable_uploads import MAX_PIECE_BYTES, discard_abandoned
from tests import audio
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import MakeClient, Worker

pytestmark = pytest.mark.django_db

UPLOADS = "/api/portal/v1/uploads/"
WAV = audio.wav_bytes(audio.tune(1, 4))
Answer = Any  # the test client's response, whose class is private to the stubs
_PIECE = "application/offset+octet-stream"


@pytest.fixture
def container() -> Container:
    return ContainerFactory.create()


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.REVIEWER)


def announce(client: Client, container: Container, size: int) -> Answer:
    words = {"filename": "Día 1.wav", "container": str(container.pk)}
    message = ",".join(
        f"{name} {base64.b64encode(word.encode()).decode()}" for name, word in words.items()
    )
    return client.post(UPLOADS, headers={"Upload-Length": str(size), "Upload-Metadata": message})


def begin(client: Client, container: Container, size: int = len(WAV)) -> str:
    """Announce a file; return the address of its upload."""
    answer = announce(client, container, size)
    assert answer.status_code == 201, answer.content
    return str(answer["Location"])


def send(client: Client, where: str, offset: int, data: bytes) -> Answer:
    return client.patch(where, data, content_type=_PIECE, headers={"Upload-Offset": str(offset)})


def finish(client: Client, where: str, **options: object) -> Answer:
    return client.post(f"{where}finish/", options, content_type="application/json")


def test_an_upload_goes_on_where_it_broke_off_and_becomes_one_file(
    client: Client, container: Container, run_worker: Worker
) -> None:
    where = begin(client, container)
    first = send(client, where, 0, WAV[:20_000])
    assert (first.status_code, first["Upload-Offset"]) == (204, "20000")
    assert finish(client, where).status_code == 409

    # The browser was closed; another asks how far the upload is.
    answer = client.head(where)
    assert (answer["Upload-Offset"], answer["Upload-Length"]) == ("20000", str(len(WAV)))
    assert answer["Tus-Resumable"] == "1.0.0"
    assert send(client, where, 20_000, WAV[20_000:]).status_code == 204
    done = finish(client, where, programme="Morning", tags="a, b")
    again = finish(client, where)
    run_worker()

    assert (done.status_code, again.status_code) == (201, 201)
    file = ScannedFile.objects.get()
    assert done.json()["uid"] == again.json()["uid"] == str(file.uid)
    assert (file.name, file.programme) == ("Día 1.wav", "Morning")
    assert file.sha256 == hashlib.sha256(WAV).hexdigest()
    assert file.media.read() == WAV
    assert file.length_ms == 4000
    assert not UploadPiece.objects.exists()
    assert default_storage.listdir(f"pieces/{ResumableUpload.objects.get().uid.hex}")[1] == ([])


def test_a_piece_that_does_not_follow_is_refused_and_leaves_nothing(
    client: Client, container: Container
) -> None:
    where = begin(client, container)
    # Empty pieces count for no limit of bytes.
    nothing = {"Upload-Offset": "0", "Content-Length": "0"}
    for _ in range(2):
        empty = client.patch(where, b"", content_type=_PIECE, headers=nothing)
        assert (empty.status_code, empty["Upload-Offset"]) == (204, "0")
    assert not UploadPiece.objects.exists()
    send(client, where, 0, WAV[:10])

    repeated = send(client, where, 0, WAV[:10])
    ahead = send(client, where, 20, WAV[20:30])
    beyond = send(client, where, 10, WAV)
    headless = client.patch(where, WAV[10:20], content_type=_PIECE)
    endless = client.patch(where, b"", content_type=_PIECE, headers={"Upload-Offset": "9" * 5000})

    answers = (repeated, ahead, beyond, headless, endless)
    assert [answer.status_code for answer in answers] == [409, 409, 413, 400, 400]
    assert "continues at byte 10" in repeated.json()["message"]
    assert UploadPiece.objects.count() == 1
    folder = f"pieces/{ResumableUpload.objects.get().uid.hex}"
    assert len(default_storage.listdir(folder)[1]) == 1


def test_a_large_piece_is_refused_unread(client: Client, container: Container) -> None:
    size = MAX_PIECE_BYTES + 1
    where = begin(client, container, size=size)

    answer = send(client, where, 0, bytes(size))

    assert (answer.status_code, answer.json()["code"]) == (413, "piece_too_large")


def test_known_bytes_need_not_be_sent_or_read_again(
    client: Client, container: Container, settings: Settings
) -> None:
    fields = {"container": container.pk, "sha256": hashlib.sha256(WAV).hexdigest()}

    def ask_for_file(**changed: object) -> Answer:
        return client.post(
            "/api/portal/v1/files/known/", fields | changed, content_type="application/json"
        )

    assert ask_for_file().status_code == 204
    where = begin(client, container)
    send(client, where, 0, WAV)
    uid = finish(client, where).json()["uid"]
    assert ask_for_file().json()["duplicate_of"]["uid"] == uid
    assert ask_for_file(container=ContainerFactory.create().pk).status_code == 204

    # Bytes that came again can be scanned again without sending them.
    where = begin(client, container)
    send(client, where, 0, WAV)
    seen = finish(client, where)
    assert seen.status_code == 200
    assert seen.json()["duplicate_of"]
    assert finish(client, where, scan_again=True).status_code == 201
    assert ScannedFile.objects.count() == 2

    # They are read once, however often somebody asks.
    where = begin(client, container)
    send(client, where, 0, WAV)
    seen = finish(client, where)
    folder = f"pieces/{ResumableUpload.objects.latest('pk').uid.hex}"
    for name in default_storage.listdir(folder)[1]:
        default_storage.delete(f"{folder}/{name}")
    again = finish(client, where)
    settings.ACRPORTAL_DAY_BYTES = 1
    refused = finish(client, where, scan_again=True)
    assert (again.status_code, again.json()) == (200, seen.json())
    assert (refused.status_code, refused.json()["code"]) == (429, "too_much_today")


def test_an_upload_is_its_own_persons(
    client: Client, container: Container, signed_in: MakeClient
) -> None:
    where = begin(client, container)
    other_client, viewer = signed_in(Role.ADMIN), signed_in(Role.VIEWER)

    for person in (other_client, viewer, Client()):
        answers = [
            person.head(where),
            send(person, where, 0, WAV),
            finish(person, where),
            person.delete(where),
        ]
        assert {answer.status_code for answer in answers} <= {401, 403, 404, 413}
    assert client.head(where)["Upload-Offset"] == "0"


def test_an_upload_that_is_given_up_or_abandoned_leaves_nothing(
    client: Client, container: Container
) -> None:
    given_up, abandoned = begin(client, container), begin(client, container)
    for where in (given_up, abandoned):
        send(client, where, 0, WAV[:100])

    assert client.delete(given_up).status_code == 204
    assert discard_abandoned() == 0
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        assert discard_abandoned() == 1

    assert not ResumableUpload.objects.exists()
    assert not UploadPiece.objects.exists()
    folders = default_storage.listdir("pieces")[0]
    assert [default_storage.listdir(f"pieces/{folder}")[1] for folder in folders] in ([], [[], []])


def test_announcements_are_refused_before_anything_is_sent(
    client: Client, container: Container, settings: Settings
) -> None:
    unreadable: tuple[tuple[dict[str, str], int], ...] = (
        ({"Upload-Length": "10"}, 422),
        ({"Upload-Length": "ten", "Upload-Metadata": "filename YQ=="}, 422),
        ({"Upload-Length": "10", "Upload-Metadata": "filename ä"}, 400),
        ({}, 422),
    )
    for headers, status in unreadable:
        answer = client.post(UPLOADS, headers=headers)
        assert answer.status_code == status, headers
        assert answer.json()["message"], headers

    settings.ACRPORTAL_MAX_FILE_BYTES = 1000
    sizes = [announce(client, container, size).json()["code"] for size in (0, 1001)]
    assert sizes == ["empty_file", "file_too_large"]
    assert not ResumableUpload.objects.exists()

    # Nobody fills the storage with unfinished uploads.
    settings.ACRPORTAL_MAX_OPEN_FILES = 1
    begin(client, container, 9)
    answer = announce(client, container, 9)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_unfinished")


def test_unfinished_uploads_of_one_person_have_a_limit_of_bytes(
    client: Client, container: Container, settings: Settings, signed_in: MakeClient
) -> None:
    settings.ACRPORTAL_UNFINISHED_BYTES = 1000
    where = begin(client, container, 600)

    refused = announce(client, container, 401)
    by_another = announce(signed_in(Role.REVIEWER), container, 401)
    client.delete(where)

    assert (refused.status_code, refused.json()["code"]) == (429, "too_much_unfinished")
    assert "Finish or cancel some" in refused.json()["message"]
    assert by_another.status_code == 201
    assert announce(client, container, 1000).status_code == 201
    # An abandoned upload no longer counts.
    ResumableUpload.objects.update(touched_at=datetime.now(tz=UTC) - timedelta(days=2))
    discard_abandoned()
    assert announce(client, container, 1000).status_code == 201


def test_one_person_stores_so_many_bytes_a_day(
    client: Client, container: Container, settings: Settings
) -> None:
    settings.ACRPORTAL_DAY_BYTES = 1000
    person = User.objects.get(pk=client.session["_auth_user_id"])
    file = ScannedFileFactory.create(uploaded_by=person, size_bytes=900)

    refused = announce(client, container, 101)
    whole = client.post(
        "/api/portal/v1/files/",
        {"container": container.pk, "file": SimpleUploadedFile("a.wav", WAV)},
    )
    ScannedFile.objects.filter(pk=file.pk).update(
        created_at=datetime.now(tz=UTC) - timedelta(hours=25)
    )

    assert (refused.status_code, refused.json()["code"]) == (429, "too_much_today")
    assert (whole.status_code, whole.json()["code"]) == (429, "too_much_today")
    assert announce(client, container, 101).status_code == 201
