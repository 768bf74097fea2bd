"""Outgoing callbacks: their body, and the scans that queue one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from acrapi.results import callback_body
from scanning import results
from scanning.choices import FileStatus, ScanStatus
from scanning.errors import ScanFailed
from scanning.models import OutboundCallback, Scan, ScannedFile
from tests.factories.scanning import (
    ContainerFactory,
    ScanFactory,
    ScannedFileFactory,
    make_detection,
)

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)


def end_scan(file: ScannedFile, *, failure: ScanFailed) -> None:
    scan = ScanFactory.create(scanned_file=file, status=ScanStatus.RUNNING)
    results.store_failure(scan=scan, failure=failure)


@pytest.mark.django_db
def test_body_is_the_vendors() -> None:
    detection = make_detection((0, 14_000, 0, 14_000))
    file = detection.scan.scanned_file

    body = callback_body(file)

    assert list(body) == ["file_id", "state", "cid", "name", "results"]
    assert (body["file_id"], body["state"]) == (str(file.uid), 1)
    match = body["results"]["custom_files"][0]
    assert match["result"]["bucket_id"] == str(detection.recording.bucket_id)


@pytest.mark.django_db
def test_a_file_without_results_sends_an_empty_object() -> None:
    file = ScannedFileFactory.create(status=FileStatus.NO_MATCH)

    assert callback_body(file)["results"] == {}
    assert callback_body(file)["state"] == -1


@pytest.mark.django_db
def test_the_end_of_a_scan_queues_one_callback() -> None:
    file = ScannedFileFactory.create(
        container=ContainerFactory.create(callback_url="https://h.example/cb"),
        status=FileStatus.PROCESSING,
    )

    end_scan(file, failure=ScanFailed("not_audio", "It is no audio."))

    callback = OutboundCallback.objects.get()
    assert json.loads(callback.body)["state"] == -2
    assert callback.url == "https://h.example/cb"


@pytest.mark.django_db
def test_containers_without_an_address_queue_nothing() -> None:
    end_scan(
        ScannedFileFactory.create(), failure=ScanFailed("not_audio", "It is no audio.")
    )

    assert not OutboundCallback.objects.exists()


@pytest.mark.django_db
def test_a_deleted_file_calls_nobody() -> None:
    file = ScannedFileFactory.create(
        container=ContainerFactory.create(callback_url="https://h.example/cb"),
        deleted_at=NOW,
    )

    end_scan(file, failure=ScanFailed("not_audio", "It is no audio."))

    assert not OutboundCallback.objects.exists()
    assert Scan.objects.get().status == ScanStatus.FAILED
