"""Configures the package of repeated unknown sound."""

from __future__ import annotations

from django.apps import AppConfig


class RecurringConfig(AppConfig):
    """Kept files, the items that recur in them, and decisions about these."""

    name = "recurring"

    def ready(self) -> None:
        """Register the jobs; compare what scans leave unmatched, and follow names."""
        from catalogue.signals import recording_ready
        from recurring import cutting, keeping
        from scanning.results import scan_finished

        scan_finished.connect(keeping.note_scan, dispatch_uid="recurring.keeping")
        recording_ready.connect(cutting.follow_up, dispatch_uid="recurring.cutting")
