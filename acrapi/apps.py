"""The app of the ACRCloud-compatible API; wire names appear only in this package."""

from __future__ import annotations

from django.apps import AppConfig


class AcrapiConfig(AppConfig):
    """Sends the outgoing callback when a scan ends."""

    name = "acrapi"

    def ready(self) -> None:
        """Queue the container's callback in the transaction that ends a scan."""
        from acrapi.results import queue_for_scan
        from scanning.results import scan_settled

        scan_settled.connect(queue_for_scan, dispatch_uid="acrapi")
