"""The app of the ACRCloud-compatible API; wire names appear only in this package."""

from __future__ import annotations

from django.apps import AppConfig


class AcrapiConfig(AppConfig):
    """Sends the outgoing callbacks of scans and streams."""

    name = "acrapi"

    def ready(self) -> None:
        """Queue callbacks in the transactions that end a scan or settle a play."""
        from acrapi.monitoring import queue_result, queue_state
        from acrapi.results import queue_for_scan
        from scanning.results import scan_settled
        from streams.notices import play_settled, stream_reached

        scan_settled.connect(queue_for_scan, dispatch_uid="acrapi")
        play_settled.connect(queue_result, dispatch_uid="acrapi")
        stream_reached.connect(queue_state, dispatch_uid="acrapi")
