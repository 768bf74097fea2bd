"""Dedup: finds recordings that share sound."""

from __future__ import annotations

from django.apps import AppConfig


class DedupConfig(AppConfig):
    """Finds recordings that share sound; stores what people decide about them."""

    name = "dedup"

    def ready(self) -> None:
        """Group new recordings; queue checks again that a killed worker left behind."""
        from catalogue.signals import recording_ready
        from dedup.checks import requeue_stale_checks
        from dedup.services import group_new_recording
        from scanning.signals import worker_swept

        worker_swept.connect(requeue_stale_checks, dispatch_uid="dedup.stale_checks")
        recording_ready.connect(group_new_recording, dispatch_uid="dedup.grouping")
