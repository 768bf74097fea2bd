"""Outgoing callbacks: their body, and the scans that queue one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from scanning import ending
from scanning.choices import FileStatus, ScanStatus
from scanning.errors import ScanFailed
from scanning.models import OutboundCallback, Scan, ScannedFile
from tests.factories.scanning import (
    ContainerFactory,
    ScanFactory,
    ScannedFileFactory,
    make_detection,
)
from web.acrapi.results import callback_body

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)


def end_scan(file: ScannedFile) -> None:
    scan = ScanFactory.create(scanned_file=file, status=ScanStatus.RUNNING)
    failure = ScanFailed("not_audio", "It is no audio.")
    ending.store_failure(scan=scan, failure=failure)


def test_body_is_the_vendors() -> None:
    detection = make_detection((0, 14_000, 0, 14_000))
    file = detection.scan.scanned_file

    body = callback_body(file)

    assert list(body) == ["file_id", "state", "cid", "name", "results"]
    assert (body["file_id"], body["state"]) == (str(file.uid), 1)
    match = body["results"]["custom_files"][0]
    assert match["result"]["bucket_id"] == str(detection.recording.bucket_id)
    without = callback_body(ScannedFileFactory.create(status=FileStatus.NO_MATCH))
    assert (without["results"], without["state"]) == ({}, -1)


def test_the_end_of_a_scan_queues_one_callback() -> None:
    container = ContainerFactory.create(callback_url="https://h.example/cb")

    # Nobody is called without an address, or for a deleted file.
    end_scan(ScannedFileFactory.create())
    end_scan(ScannedFileFactory.create(container=container, deleted_at=NOW))
    assert not OutboundCallback.objects.exists()
    assert {scan.status for scan in Scan.objects.all()} == {ScanStatus.FAILED}

    end_scan(ScannedFileFactory.create(container=container, status=FileStatus.PROCESSING))
    callback = OutboundCallback.objects.get()
    assert json.loads(callback.body)["state"] == -2
    assert callback.url == "https://h.example/cb"
