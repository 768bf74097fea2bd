"""The address of callbacks: who may send there, and how much of it is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from base.accounts.models import User
from review.models import Match
from scanning import retention
from scanning.choices import EngineChoice, FileStatus
from scanning.models import Container, InboundCallback, ScannedFile
from scanning.services.callbacks import link_remote_file
from scanning.services.containers import inbound_callback_url, update_container
from tests.factories.catalogue import BucketFactory
from tests.fixtures import Worker
from tests.scanning.callbacks import address, cloud_container, post, sample, waiting_file


@pytest.fixture
def container(transactional_db: None) -> Container:
    return cloud_container()


@pytest.fixture
def file(container: Container, admin: User) -> ScannedFile:
    return waiting_file(container, admin)


def test_what_is_no_callback_is_refused_and_not_kept(
    container: Container, settings: Settings
) -> None:
    url = reverse("scanning:acrcloud_callback", args=[container.pk, "guess"])
    answer = Client().post(url, b"{}", content_type="application/json")
    assert answer.status_code == 404
    assert Client().get(address(container)).status_code == 405

    for body in (
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
    ):
        assert post(container, body) == (422, "malformed"), body[:50]
    settings.ACRPORTAL_CALLBACK_MAX_BYTES = 100
    assert post(container, b" " * 101) == (413, "too_large")
    assert not InboundCallback.objects.exists()


def test_container_of_the_embedded_engine_has_no_callback_address(
    transactional_db: None, admin: User, run_worker: Worker
) -> None:
    container = Container.objects.create(name="Here", engine=EngineChoice.EMBEDDED)
    file = waiting_file(container, admin)
    run_worker()
    file.refresh_from_db()
    before = (file.scans.count(), file.status)
    body = sample("callback.music.json") | {"file_id": str(file.uid)}

    answer = post(container, body)
    run_worker()

    file.refresh_from_db()
    assert answer == (404, "unknown_address")
    assert inbound_callback_url(container) == ""
    assert (file.scans.count(), file.status) == before
    assert not Match.objects.exists()


def test_another_engine_changes_the_address_and_ends_the_waiting(
    container: Container, file: ScannedFile, admin: User
) -> None:
    old = address(container)
    update_container(container=container, columns={"name": "Other"}, user=admin)
    assert address(Container.objects.get()) == old

    update_container(container=container, columns={"engine": EngineChoice.EMBEDDED}, user=admin)
    update_container(container=container, columns={"engine": EngineChoice.ACRCLOUD}, user=admin)

    answer = Client().post(old, b"{}", content_type="application/json")
    file.refresh_from_db()
    assert answer.status_code == 404
    assert post(container, {"file_id": "a", "state": 0})[0] == 202
    assert file.status == FileStatus.CANCELLED


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
        "buckets": [BucketFactory.create().pk],
        "audio_type": "linein",
        "edited_music": "widely",
        "score_floor": "50.0",
        "upload_audio": "original",
        "link_audio": "original",
    }

    same = client.post(url, fields | {"engine": "acrcloud"})
    container.refresh_from_db()
    secret = container.callback_secret
    answer = client.post(url, fields | {"engine": "embedded"})
    container.refresh_from_db()

    assert (same.status_code, answer.status_code) == (302, 302)
    assert secret == old
    assert container.callback_secret != old


def _orphan(number: int) -> dict[str, object]:
    return {"file_id": f"unknown-{number}", "state": 1, "results": {"n": number}}


def test_callbacks_for_unknown_files_are_limited_in_number_and_bytes(
    container: Container, file: ScannedFile, settings: Settings, run_worker: Worker
) -> None:
    settings.ACRPORTAL_ORPHANS_PER_ADDRESS = 3
    other_container = Container.objects.create(name="Other", engine=EngineChoice.ACRCLOUD)

    answers = [post(container, _orphan(number)) for number in range(5)]

    assert answers == [(202, "kept")] * 3 + [(429, "too_many_kept")] * 2
    assert InboundCallback.objects.count() == 3
    assert post(container, _orphan(2)) == (200, "repeated")
    assert post(other_container, _orphan(9)) == (202, "kept")
    fields = {"file_id": str(file.uid), "state": 0, "results": {}}
    assert post(container, fields) == (202, "accepted")

    # Room comes back when the file is known.
    run_worker()
    link_remote_file(scanned_file=file, remote_id="unknown-1", user=None)
    run_worker()
    assert post(container, _orphan(2) | {"state": -1}) == (202, "kept")
    assert post(container, _orphan(5)) == (429, "too_many_kept")

    settings.ACRPORTAL_ORPHANS_PER_ADDRESS = 100
    settings.ACRPORTAL_ORPHAN_BYTES = 1000
    InboundCallback.objects.all().delete()
    sent = [post(container, _orphan(number) | {"name": "x" * 400}) for number in range(10, 13)]
    assert [status for status, _ in sent] == [202, 202, 429]


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

    callbacks = InboundCallback.objects.order_by("pk").values_list("file_id", flat=True)
    assert list(callbacks) == [str(file.uid), "unknown-2"]
