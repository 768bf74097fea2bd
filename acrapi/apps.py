"""The HTTP API that clients written for ACRCloud talk to; wire names live only here."""

from __future__ import annotations

from django.apps import AppConfig


class AcrapiConfig(AppConfig):
    """Holds what the protocol needs beyond the product's own records."""

    name = "acrapi"

    def ready(self) -> None:
        """Queue the container's callback in the transaction that ends a scan."""
        from acrapi.callbacks import queue_for_scan
        from scanning.signals import scan_settled

        scan_settled.connect(queue_for_scan, dispatch_uid="acrapi")
