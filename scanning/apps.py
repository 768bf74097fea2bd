"""Configures the scanning package and connects its signals."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from base.common.databases import keep_reserved_ids


class ScanningConfig(AppConfig):
    """Containers, scanned files, scans and detections."""

    name = "scanning"
    verbose_name = _("Scanning")

    def ready(self) -> None:
        """Reserve container ids and start retro searches when recordings are ready."""
        from catalogue.signals import recording_ready
        from scanning import cloud_jobs, jobs  # noqa: F401
        from scanning.services import retro

        post_migrate.connect(_reserve_ids, sender=self)
        recording_ready.connect(retro.collect)


def _reserve_ids(using: str, **_signal: object) -> None:
    keep_reserved_ids(using, "scanning_container")
