"""Configures the package of repeated unknown sound."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecurringConfig(AppConfig):
    """Kept files, the items that recur in them, and decisions about these."""

    name = "plugins.monitoring.unknown"
    label = "recurring"
    verbose_name = _("Unknown sound")

    def ready(self) -> None:
        """Register the jobs; compare what scans leave unmatched, and follow names.

        Name the sound in timelines of files.
        """
        from catalogue.signals import recording_ready
        from plugins.monitoring.unknown import cutting, figures, planning, selectors
        from review.timeline import reading
        from scanning.results import scan_finished
        from scanning.services.filing import file_moved

        reading.unknown_sound.register(selectors.occurrences_in)
        reading.item_places.register(selectors.places_of_item)
        scan_finished.connect(
            planning.note_scan, dispatch_uid="plugins.monitoring.unknown.planning"
        )
        file_moved.connect(figures.follow_move, dispatch_uid="plugins.monitoring.unknown.figures")
        recording_ready.connect(
            cutting.follow_up, dispatch_uid="plugins.monitoring.unknown.cutting"
        )
