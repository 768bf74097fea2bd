"""The outgoing callback, queued when a scan has ended."""

from __future__ import annotations

import json
from typing import Any

from acrapi.results import results_of
from acrapi.states import file_state
from scanning.models import Scan, ScannedFile
from scanning.services.outbound_callbacks import queue_callback


def queue_for_scan(*, scan: Scan, **_signal: object) -> None:
    """Queue the callback of a scan's file, if its container has a callback address."""
    file = ScannedFile.objects.select_related("container").get(pk=scan.scanned_file_id)
    if file.container.callback_url and file.deleted_at is None:
        queue_callback(scanned_file=file, body=json.dumps(callback_body(file)))


def callback_body(file: ScannedFile) -> dict[str, Any]:  # Any: JSON
    """Return ACRCloud's body; ``results`` is an object, empty without results."""
    return {
        "file_id": str(file.uid),
        "state": file_state(file),
        "cid": file.container_id,
        "name": file.name,
        "results": results_of([file])[file.pk] or {},
    }
