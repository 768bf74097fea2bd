"""Dedup: one recording, once."""

from __future__ import annotations

from django.apps import AppConfig


class DedupConfig(AppConfig):
    """Finds recordings that share sound; keeps what is decided about them."""

    name = "dedup"

    def ready(self) -> None:
        """Hand out checks again that a killed worker left behind."""
        from dedup.checks import requeue_stale_checks
        from scanning.signals import worker_swept

        worker_swept.connect(requeue_stale_checks, dispatch_uid="dedup.stale_checks")
