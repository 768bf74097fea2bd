"""Scanning: what machines found in the files people brought."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from common.sequences import begin_ids_at


class ScanningConfig(AppConfig):
    """Holds containers, scanned files, scans and detections."""

    name = "scanning"

    def ready(self) -> None:
        """Keep the container ids that the wire protocol reserves free."""
        post_migrate.connect(_reserve_ids, sender=self)


def _reserve_ids(using: str, **_signal: object) -> None:
    begin_ids_at(using, "scanning_container", 1001)
