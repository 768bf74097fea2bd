"""Dedup: finds recordings that share sound."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DedupConfig(AppConfig):
    """Finds recordings that share sound; stores what people decide about them."""

    name = "dedup"
    verbose_name = _("Duplicates")

    def ready(self) -> None:
        """Register the jobs; group new recordings."""
        from catalogue.signals import recording_ready
        from dedup import jobs  # noqa: F401
        from dedup.services import group_new_recording

        recording_ready.connect(group_new_recording, dispatch_uid="dedup.grouping")
