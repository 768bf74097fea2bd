"""Files of a container over the wire."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core.files.base import File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from base.audit.models import Event
from base.common.storage import FileOnDisk
from scanning.choices import FileStatus, SourceType
from scanning.models import Container, ScannedFile
from tests.acrapi.conftest import Api
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import (
    ContainerFactory,
    ScanFactory,
    ScannedFileFactory,
    make_detection,
)
from tests.threads import shared_database, using_database
from web.acrapi.models import RepeatableCall, StagedUpload
from web.acrapi.uploads import discard_expired, path_of
from web.acrapi.views.uploads import UploadView

SAMPLES = Path(__file__).resolve().parents[1] / "wire" / "samples"


def sample(name: str) -> Any:  # Any: JSON
    return json.loads((SAMPLES / name).read_text())["data"]


def files_of(container: Container) -> str:
    return f"/api/fs-containers/{container.pk}/files"


def audio(name: str = "song.mp3", content: bytes = b"ID3" * 100) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def found_file(**fields: object) -> ScannedFile:
    recording = RecordingFactory.create(
        title="You are beautiful",
        artists=["James"],
        user_defined={"artist": "James", "album": "as text", "title": "not this"},
        isrc_normalised="GBFFM1621637",
        **fields,
    )
    detection = make_detection((70_000, 90_500, 5_000, 25_000), recording=recording)
    return ScannedFile.objects.get(pk=detection.scan.scanned_file_id)


def test_upload_answers_like_the_sample_each_time_with_a_new_id(api: Api) -> None:
    path = files_of(ContainerFactory.create())

    answer, again = (
        api.upload(path, {"file": audio("a [b] ü.mp3"), "data_type": "audio"}) for _ in range(2)
    )

    expected = sample("fs-file.submit.audio.response.json")
    data = answer.json()["data"]
    assert answer.status_code == again.status_code == 201
    assert {name: type(value) for name, value in data.items()} == {
        name: type(value) for name, value in expected.items()
    }
    assert (data["name"], data["uri"]) == ("a [b] ü.mp3", "audio:a [b] ü.mp3")
    assert (data["state"], data["results"]) == (0, None)
    assert data["id"] != again.json()["data"]["id"]


def test_links_are_named_after_their_platform_or_as_the_client_says(api: Api) -> None:
    path = files_of(ContainerFactory.create())

    for url, uri, data_type in (
        ("https://www.youtube.com/watch?v=d_x", "youtube:video:d_x", "youtube"),
        ("https://youtu.be/d_x", "youtube:video:d_x", "youtube"),
        ("https://vimeo.com/12", "vimeo:video:12", "vimeo"),
        ("https://a.example/v/7", "a.example:video:7", "a.example"),
    ):
        body = {"data_type": "platforms", "url": url}
        data = api.call("POST", path, body).json()["data"]
        assert (data["uri"], data["data_type"], data["url"]) == (uri, data_type, url)

    body = {"data_type": "audio_url", "url": "https://h.example/x.mp3", "name": "a.mp3"}
    data = api.call("POST", path, body).json()["data"]
    assert (data["name"], data["data_type"]) == ("a.mp3", "audio_url")
    assert data["uri"] == "audio_url:https://h.example/x.mp3"


def test_what_cannot_be_taken_is_named(api: Api) -> None:
    path = files_of(ContainerFactory.create())

    for body, field in (
        ({"data_type": "audio"}, "file"),
        ({"data_type": "audio", "file": "text"}, "file"),
        ({"data_type": "audio_url"}, "url"),
        ({"data_type": "audio_url", "url": "ftp://h.example/a"}, "url"),
        ({"data_type": "platforms", "url": "not a link"}, "url"),
        ({"data_type": "isrc", "isrc": "x"}, "data_type"),
        ({"data_type": "audio", "key": "fs/1/x/unknown.mp3"}, "key"),
    ):
        answer = api.call("POST", path, body)
        assert answer.status_code == 422, body
        assert field in answer.json()["errors"]
    assert not ScannedFile.objects.exists()

    empty = api.upload(path, {"file": audio(content=b"")})
    assert (empty.status_code, empty.json()["code"]) == (422, "empty_file")

    foreign = api.upload(path, {"file": audio("song.lo"), "data_type": "fingerprint"})
    assert (foreign.status_code, foreign.json()["code"]) == (422, "bad_fingerprint")
    assert "upload the audio itself" in foreign.json()["message"]


def test_a_presigned_upload_is_read_before_its_transaction_begins(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = ContainerFactory.create()
    offered = api.get(f"/api/fs-containers/{container.pk}/presigned-upload").json()
    put = urlsplit(offered["data"]["presigned_url"])
    Client().put(f"{put.path}?{put.query}", b"audio" * 100)
    depths: list[int] = []

    def read(file: FileOnDisk, size: int) -> Iterator[bytes]:
        depths.append(len(connection.savepoint_ids))
        return File.chunks(file, size)

    monkeypatch.setattr(FileOnDisk, "chunks", read)
    body = {"data_type": "audio", "key": offered["data"]["key"]}
    url = f"/api/fs-containers/{container.pk}/files"

    made, again = api.call("POST", url, body), api.call("POST", url, body)

    assert (made.status_code, again.status_code) == (201, 422)
    assert depths == [len(connection.savepoint_ids)]


def _staged(api: Api, container: Container) -> tuple[Any, str]:
    """Ask for a URL; return the answer, and the address if there is one."""
    answer = api.get(f"/api/fs-containers/{container.pk}/presigned-upload")
    if answer.status_code != 200:
        return answer, ""
    url = urlsplit(answer.json()["data"]["presigned_url"])
    return answer, f"{url.path}?{url.query}"


def test_bodies_that_wait_to_be_submitted_have_a_limit_of_bytes(
    api: Api, settings: Settings
) -> None:
    settings.ACRPORTAL_UNFINISHED_BYTES = 1000
    container = ContainerFactory.create()
    first, second, third = (_staged(api, container)[1] for _ in range(3))

    def send_chunks(address: str, body: io.BytesIO) -> Any:  # Any: the client's type
        """Send a body of unknown length."""
        chunked: dict[str, Any] = {
            "wsgi.input": body,
            "CONTENT_LENGTH": "",
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": True,
        }
        return Client().generic("PUT", address, **chunked)

    # It was on disk before anybody asked whether there was room.
    large = io.BytesIO(b"x" * 100_000)
    refused = send_chunks(first, large)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_much_unfinished")
    assert large.tell() == 1001

    assert Client().put(first, b"x" * 600).status_code == 200
    refused = Client().put(second, b"x" * 401)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_much_unfinished")
    assert send_chunks(second, io.BytesIO(b"x" * 400)).status_code == 200

    body = io.BytesIO(b"x")
    assert send_chunks(third, body).status_code == 429
    assert body.tell() == 0
    assert StagedUpload.objects.get(uploaded_at=None).size_bytes == 0


def test_bodies_at_one_address_count_each(api: Api, settings: Settings) -> None:
    """Each is on disk until the first of them has arrived."""
    settings.ACRPORTAL_UNFINISHED_BYTES = 1000
    address = _staged(api, ContainerFactory.create())[1]
    refused: list[Any] = []

    class Body(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0:
                refused.append(Client().put(address, b"x" * 401))
            return super().read(size)

    request = RequestFactory().put(address, b"x" * 600)
    request._stream = Body(b"x" * 600)
    uid = urlsplit(address).path.split("/")[-1]

    assert UploadView.as_view()(request, uid=uid).status_code == 200
    assert [refused.status_code for refused in refused] == [429]
    assert StagedUpload.objects.get().size_bytes == 600


def test_addresses_have_a_limit_of_number_and_a_day_one_of_bytes(
    api: Api, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_OPEN_FILES = 2
    settings.ACRPORTAL_DAY_BYTES = 1000
    container = ContainerFactory.create()
    ScannedFileFactory.create(uploaded_by=api.owner, size_bytes=900)

    (first, address), (second, _), (third, _) = (_staged(api, container) for _ in range(3))
    refused = Client().put(address, b"x" * 101)

    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert third.json()["code"] == "too_many_unfinished"
    assert (refused.status_code, refused.json()["code"]) == (429, "too_much_today")


def test_what_nobody_submits_is_deleted_in_time(api: Api) -> None:
    container = ContainerFactory.create()
    Client().put(_staged(api, container)[1], b"x" * 600)
    path = path_of(StagedUpload.objects.get())
    left_over = path.with_suffix(".u_killed.part")
    left_over.write_bytes(b"x")

    with time_machine.travel(datetime.now(tz=UTC) + timedelta(hours=23)):
        early = discard_expired()
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(hours=25)):
        late = discard_expired()

    assert (early, late) == (0, 1)
    assert not path.exists()
    assert not left_over.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.each_database
def test_of_two_bodies_put_at_one_moment_one_is_kept(api: Api, tmp_path: Path) -> None:
    container = ContainerFactory.create()
    offered = api.get(f"/api/fs-containers/{container.pk}/presigned-upload").json()
    address = urlsplit(offered["data"]["presigned_url"])
    database = shared_database(tmp_path)
    both_are_let_in = Barrier(2)

    class Body(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0:
                both_are_let_in.wait(timeout=60)
            return super().read(size)

    def put(content: bytes) -> tuple[int, str]:
        request = RequestFactory().put(f"{address.path}?{address.query}", content)
        request._stream = Body(content)
        with using_database(database):
            answer = UploadView.as_view()(request, uid=address.path.split("/")[-1])
            staged = StagedUpload.objects.get()
        assert isinstance(answer, HttpResponse)
        code = json.loads(answer.content)["code"] if answer.content else ""
        data = path_of(staged).read_bytes()
        assert (answer.status_code == 200) == (data == content)
        return answer.status_code, code

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(put, [b"one" * 10, b"another" * 10]))

    assert answers == [(200, ""), (403, "upload_used")]
    assert [path.suffix for path in path_of(StagedUpload()).parent.iterdir()] == [""]


def test_an_idempotency_key_makes_one_file_of_one_request(api: Api) -> None:
    container = ContainerFactory.create()

    def send(name: str = "song.mp3", content: bytes = b"ID3") -> Any:  # Any: a response
        return api.upload(
            files_of(container), {"file": audio(name, content)}, headers={"Idempotency-Key": "abc"}
        )

    # A refused upload may be sent again under its key.
    send(content=b"")
    assert not RepeatableCall.objects.exists()

    first, second, second_file = send(), send(), send("other.mp3")
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert (second_file.status_code, second_file.json()["code"]) == (422, "idempotency_key_reused")
    assert container.files.count() == 1

    # A call that was killed is made again, once.
    long_ago = datetime.now(tz=UTC) - timedelta(hours=1)
    RepeatableCall.objects.update(status=None, answer=None, created_at=long_ago)
    again, replayed = send(), send()
    assert again.json() == replayed.json()
    assert "Idempotency-Replayed" not in again.headers
    assert container.files.count() == 2


def test_show_answers_an_array_with_results_above_the_containers_floor(api: Api) -> None:
    file = found_file()
    path = f"{files_of(file.container)}/{file.uid}"

    data = api.get(path).json()["data"]

    expected = sample("fs-file.get-one.ready.response.json")[0]
    match = data[0]["results"]["custom_files"][0]
    assert isinstance(data, list)
    assert set(data[0]) == set(expected)
    assert set(expected["results"]["custom_files"][0]) <= set(match)
    assert set(expected["results"]["custom_files"][0]["result"]) <= set(match["result"])
    assert (match["offset"], match["played_duration"]) == (70, 20.5)
    assert match["score"] == match["result"]["score"] == 88
    assert match["result"]["sample_begin_time_offset_ms"] == 70_000
    assert match["result"]["db_end_time_offset_ms"] == 25_000

    # Names that clients read are never a text of the customer.
    result = match["result"]
    assert result["title"] == "You are beautiful"
    assert result["artist"] == "James"
    assert result["artists"] == [{"name": "James"}]
    assert result["album"] == {}
    assert result["user_defined"]["album"] == "as text"
    assert result["external_ids"] == {"isrc": "GBFFM1621637"}
    assert result["external_metadata"] == {}

    Container.objects.filter(pk=file.container_id).update(score_floor=Decimal("90.0"))
    assert api.get(path).json()["data"][0]["results"] is None


def test_states_are_numbers_and_filter_the_list(api: Api) -> None:
    container = ContainerFactory.create()
    states = {
        str(
            ScannedFileFactory.create(container=container, status=status, error_code=code).uid
        ): state
        for status, code, state in (
            (FileStatus.WAITING, "", 0),
            (FileStatus.PROCESSING, "", 0),
            (FileStatus.READY, "", 1),
            (FileStatus.NO_MATCH, "", -1),
            (FileStatus.NEEDS_AUDIO, "needs_audio", -2),
            (FileStatus.ERROR, "not_audio", -2),
            (FileStatus.ERROR, "engine_error", -3),
            (FileStatus.CANCELLED, "", -2),
        )
    }

    for numbers in ({0}, {1}, {-1}, {-2}, {-3}, {0, 1, -1, -2}, {1, -3}):
        query = ",".join(str(state) for state in numbers)
        rows = api.get(f"{files_of(container)}?state={query}").json()["data"]
        assert {row["id"]: row["state"] for row in rows} == {
            uid: state for uid, state in states.items() if state in numbers
        }
        assert not any("results" in row for row in rows)


def test_pages_and_their_links_that_keep_filters(api: Api) -> None:
    container = ContainerFactory.create()
    ScannedFileFactory.create_batch(5, container=container)

    for query, page, count in (
        ("", 1, 5),
        ("page=0", 1, 5),
        ("page=-1", 1, 5),
        ("page=x&per_page=y", 1, 5),
        ("per_page=2", 1, 2),
        ("per_page=2&page=3", 3, 1),
        ("per_page=2&page=9", 9, 0),
        ("per_page=10000000", 1, 5),
        ("per_page=0", 1, 5),
        ("page=99999999999999999999999", 999_999_999_999, 0),
    ):
        answer = api.get(f"{files_of(container)}?{query}")
        body = answer.json()
        assert answer.status_code == 200, query
        assert (len(body["data"]), body["meta"]["current_page"]) == (count, page), query
        assert body["meta"]["per_page"] <= 1000
        assert body["meta"]["total"] == 5

    links = api.get(f"{files_of(container)}?page=2&per_page=1&state=1").json()["links"]
    base = f"http://testserver{files_of(container)}"
    assert links["prev"] == f"{base}?page=1&per_page=1&state=1"
    assert links["next"] == f"{base}?page=3&per_page=1&state=1"


def test_search_finds_by_name_and_by_uri(api: Api) -> None:
    container = ContainerFactory.create()
    named = ScannedFileFactory.create(container=container, name="Needle.wav")
    linked = ScannedFileFactory.create(
        container=container,
        source_type=SourceType.LINK,
        platform="youtube",
        external_id="abc",
        name="x",
    )

    def search(text: str) -> list[str]:
        rows = api.get(f"{files_of(container)}?search={text}").json()["data"]
        return [row["id"] for row in rows]

    assert search("needle") == [str(named.uid)]
    assert search("audio:Need") == [str(named.uid)]
    assert search("youtube:video:abc") == [str(linked.uid)]


def test_known_ids_of_the_container_among_unknown_ones_are_answered(api: Api) -> None:
    file = ScannedFileFactory.create()
    unknown = "00000000-0000-4000-8000-000000000000"
    path = files_of(file.container)

    some = api.get(f"{path}/{unknown},{file.uid},nonsense")
    none = api.get(f"{path}/{unknown}")
    elsewhere = api.get(f"{files_of(ContainerFactory.create())}/{file.uid}")

    assert [row["id"] for row in some.json()["data"]] == [str(file.uid)]
    assert (none.status_code, none.json()["code"]) == (404, "unknown_file")
    assert elsewhere.status_code == 404


def test_rescan_answers_processing_files_and_takes_an_empty_json_body(api: Api) -> None:
    file = ScannedFileFactory.create()
    path = f"{files_of(file.container)}/{file.uid}/rescan"

    first = api.call("PUT", path, "", content_type="application/json")
    second = api.call("PUT", path, "", content_type="application/json")
    of_nothing = api.call("PUT", f"{files_of(file.container)}//rescan")

    assert first.status_code == second.status_code == 200
    assert first.json()["data"][0]["state"] == 0
    assert first.json()["data"][0]["results"] is None
    assert file.scans.count() == 1
    assert (of_nothing.status_code, of_nothing.json()["code"]) == (404, "not_found")


def test_delete_of_many_is_written_down(api: Api) -> None:
    container = ContainerFactory.create()
    files = ScannedFileFactory.create_batch(2, container=container)
    ids = ",".join(str(file.uid) for file in files)

    answer = api.call("DELETE", f"{files_of(container)}/{ids}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(files_of(container)).json()["data"] == []
    assert Event.objects.filter(action="file.deleted", note="api").count() == 2


def test_an_unchanged_list_is_answered_briefly(api: Api) -> None:
    file = ScannedFileFactory.create()
    path = files_of(file.container)
    etag = api.get(path).headers["ETag"]

    same = api.get(path, headers={"If-None-Match": etag})
    ScannedFileFactory.create(container=file.container)
    changed = api.get(path, headers={"If-None-Match": etag})

    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200


def test_a_list_with_results_makes_the_same_queries_for_one_and_for_many(
    api: Api, django_assert_max_num_queries: object
) -> None:
    container = ContainerFactory.create()
    for _ in range(20):
        scan = ScanFactory.create(scanned_file=ScannedFileFactory.create(container=container))
        make_detection((0, 5_000, 0, 5_000), scan=scan)

    with django_assert_max_num_queries(13):  # type: ignore[operator]  # a context manager
        rows = api.get(f"{files_of(container)}?with_result=1").json()["data"]

    assert all(row["results"]["custom_files"] for row in rows)


def _put(address: str, content: bytes, **options: Any) -> Any:  # Any: the test client's
    return Client().generic("PUT", address, content, "audio/mpeg", **options)


def _chunked(content: bytes) -> dict[str, Any]:  # Any: as a server passes them
    return {
        "wsgi.input": io.BytesIO(content),
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,
    }


def test_the_same_bytes_may_be_put_again_as_after_a_lost_answer(api: Api) -> None:
    container = ContainerFactory.create()
    question, address = _staged(api, container)
    body = b"ID3" * 1000

    assert _put(address, body).status_code == 200
    size = StagedUpload.objects.get().size_bytes
    assert _put(address, body).status_code == 200
    assert _put(address, b"", **_chunked(body)).status_code == 200
    for other_body in (body[:-1] + b"x", body[:-1], body + b"x"):
        for options in ({}, _chunked(other_body)):
            refused = _put(address, other_body, **options)
            assert (refused.status_code, refused.json()["code"]) == (403, "upload_used")
    staged = StagedUpload.objects.get()
    assert path_of(staged).read_bytes() == body
    assert staged.size_bytes == size == len(body)

    key = question.json()["data"]["key"]
    sent = {"key": key, "filename": "a.mp3"}
    assert api.call("POST", files_of(container), sent).status_code == 201
    # Late, when the file is submitted already.
    assert _put(address, body).status_code == 200
    assert container.files.count() == 1


@pytest.mark.parametrize(
    ("status", "code", "state", "message"),
    [
        (FileStatus.NEEDS_AUDIO, "link_private", -2, "The link is private."),
        (FileStatus.ERROR, "no_audio", -2, "It has no audio track."),
        (FileStatus.ERROR, "engine_error", -3, "The engine stopped."),
        (FileStatus.CANCELLED, "", -2, "The scan was cancelled."),
    ],
)
def test_a_file_that_could_not_be_scanned_says_why(
    status: str, code: str, state: int, message: str, api: Api
) -> None:
    stored = "" if status == FileStatus.CANCELLED else message
    file = ScannedFileFactory.create(status=status, error_code=code, message=stored)

    (row,) = api.get(f"{files_of(file.container)}/{file.uid}").json()["data"]
    (row_of_list,) = api.get(files_of(file.container)).json()["data"]

    for data in (row, row_of_list):
        assert (data["state"], data["message"]) == (state, message)
        assert data["error_code"] == (code or "cancelled")
