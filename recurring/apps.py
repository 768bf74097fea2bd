"""Configures the package of repeated unknown sound."""

from __future__ import annotations

from django.apps import AppConfig


class RecurringConfig(AppConfig):
    """Kept files, the items that recur in them, and decisions about these."""

    name = "recurring"

    def ready(self) -> None:
        """Register the jobs, and follow what becomes searchable."""
        from catalogue.signals import recording_ready
        from recurring.cutting import follow_up

        recording_ready.connect(follow_up)
