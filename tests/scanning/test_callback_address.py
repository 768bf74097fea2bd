"""The address of callbacks: who may send there, and how much of it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from review.models import Match
from scanning import retention
from scanning.choices import EngineChoice, FileStatus
from scanning.models import Container, InboundCallback, ScannedFile
from scanning.services.callbacks import link_remote_file
from scanning.services.containers import inbound_callback_url, update_container
from scanning.services.intake import submit_upload
from tests.conftest import Worker, upload
from tests.scanning.callbacks import (
    address,
    cloud_container,
    post,
    sample,
    waiting_file,
)


@pytest.fixture
def container(transactional_db: None) -> Container:
    """Return a container that ACRCloud scans."""
    return cloud_container()


@pytest.fixture
def file(container: Container, admin: User) -> ScannedFile:
    """Return a file that waits for ACRCloud."""
    return waiting_file(container, admin)


def test_wrong_secret_is_not_found(container: Container) -> None:
    url = reverse("scanning:acrcloud_callback", args=[container.pk, "guess"])

    answer = Client().post(url, b"{}", content_type="application/json")

    assert answer.status_code == 404
    assert not InboundCallback.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b'{"state": 1}',
        b'{"file_id": "", "state": 1}',
        b'{"file_id": "a", "state": "1"}',
        b'{"file_id": "a", "state": true}',
        b'{"file_id": "a", "state": 7}',
        b'{"file_id": "a", "state": 1, "results": 5}',
        b'{"file_id": "a\\ud800", "state": 1}',
        b'{"file_id": "a\\u0000", "state": 1}',
        b"[" * 100_000,
    ],
)
def test_malformed_bodies_are_refused_and_not_kept(
    container: Container, body: bytes
) -> None:
    assert post(container, body) == (422, "malformed")
    assert not InboundCallback.objects.exists()


def test_oversized_body_is_refused(container: Container, settings: Settings) -> None:
    settings.ACRPORTAL_CALLBACK_MAX_BYTES = 100

    assert post(container, b" " * 101) == (413, "too_large")


def test_get_is_not_allowed(container: Container) -> None:
    assert Client().get(address(container)).status_code == 405


@pytest.fixture
def scanned_here(
    transactional_db: None, admin: User, run_worker: Worker
) -> ScannedFile:
    """Return a file that the embedded engine has scanned."""
    container = Container.objects.create(name="Here", engine=EngineChoice.EMBEDDED)
    taken = submit_upload(
        container=container, upload=upload("a.mp3", b"x" * 100), user=admin
    )
    run_worker()
    taken.scanned_file.refresh_from_db()
    return taken.scanned_file


def test_container_of_the_embedded_engine_has_no_callback_address(
    scanned_here: ScannedFile, run_worker: Worker
) -> None:
    before = (scanned_here.scans.count(), scanned_here.status)
    body = sample("callback.music.json") | {"file_id": str(scanned_here.uid)}

    answer = post(scanned_here.container, body)
    run_worker()

    scanned_here.refresh_from_db()
    assert answer == (404, "unknown_address")
    assert inbound_callback_url(scanned_here.container) == ""
    assert (scanned_here.scans.count(), scanned_here.status) == before
    assert not Match.objects.exists()


def test_another_engine_changes_the_address_and_ends_the_waiting(
    container: Container, file: ScannedFile, admin: User
) -> None:
    old = address(container)

    update_container(
        container=container, columns={"engine": EngineChoice.EMBEDDED}, user=admin
    )
    update_container(
        container=container, columns={"engine": EngineChoice.ACRCLOUD}, user=admin
    )

    answer = Client().post(old, b"{}", content_type="application/json")
    file.refresh_from_db()
    assert answer.status_code == 404
    assert post(container, {"file_id": "a", "state": 0})[0] == 202
    assert file.status == FileStatus.CANCELLED


def test_address_stays_while_the_engine_does(container: Container, admin: User) -> None:
    old = address(container)

    update_container(container=container, columns={"name": "Other"}, user=admin)

    assert address(Container.objects.get()) == old


@pytest.mark.parametrize("page", ["portal:container_edit", "admin"])
def test_pages_change_the_address_with_the_engine(
    container: Container, admin: User, client: Client, page: str
) -> None:
    client.force_login(admin)
    old = container.callback_secret
    url = (
        reverse("admin:scanning_container_change", args=[container.pk])
        if page == "admin"
        else reverse(page, args=[container.pk])
    )
    fields = {
        "name": "Cloud",
        "audio_type": "linein",
        "edited_music": "widely",
        "score_floor": "50.0",
        "upload_audio": "original",
        "link_audio": "original",
    }

    same = client.post(url, fields | {"engine": "acrcloud"})
    container.refresh_from_db()
    kept = container.callback_secret
    answer = client.post(url, fields | {"engine": "embedded"})
    container.refresh_from_db()

    assert (same.status_code, answer.status_code) == (302, 302)
    assert kept == old
    assert container.callback_secret != old


def _orphan(number: int) -> dict[str, object]:
    return {"file_id": f"unknown-{number}", "state": 1, "results": {"n": number}}


def test_callbacks_for_unknown_files_are_limited_in_number(
    container: Container, file: ScannedFile, settings: Settings
) -> None:
    settings.ACRPORTAL_ORPHANS_PER_ADDRESS = 3
    other = Container.objects.create(name="Other", engine=EngineChoice.ACRCLOUD)

    answers = [post(container, _orphan(number)) for number in range(5)]

    assert answers == [(202, "kept")] * 3 + [(429, "too_many_kept")] * 2
    assert InboundCallback.objects.count() == 3
    assert post(container, _orphan(2)) == (200, "repeated")
    assert post(other, _orphan(9)) == (202, "kept")
    known = {"file_id": str(file.uid), "state": 0, "results": {}}
    assert post(container, known) == (202, "accepted")


def test_callbacks_for_unknown_files_are_limited_in_bytes(
    container: Container, settings: Settings
) -> None:
    settings.ACRPORTAL_ORPHAN_BYTES = 1000

    answers = [
        post(container, _orphan(number) | {"name": "x" * 400}) for number in range(3)
    ]

    assert [status for status, _ in answers] == [202, 202, 429]


def test_room_comes_back_when_the_file_is_known(
    container: Container,
    file: ScannedFile,
    settings: Settings,
    run_worker: Worker,
) -> None:
    settings.ACRPORTAL_ORPHANS_PER_ADDRESS = 1
    post(container, _orphan(1))
    run_worker()
    link_remote_file(scanned_file=file, remote_id="unknown-1", user=None)
    run_worker()

    assert post(container, _orphan(2)) == (202, "kept")


def test_callback_whose_file_never_comes_is_deleted(
    container: Container, file: ScannedFile, run_worker: Worker
) -> None:
    post(container, _orphan(1))
    post(container, {"file_id": str(file.uid), "state": 0, "results": {}})
    run_worker()
    old = datetime.now(tz=UTC) - timedelta(days=8)
    InboundCallback.objects.update(received_at=old)
    post(container, _orphan(2))
    run_worker()

    retention.forget_callbacks()

    left = InboundCallback.objects.order_by("pk").values_list("file_id", flat=True)
    assert list(left) == [str(file.uid), "unknown-2"]
