"""The application of broadcasts."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BroadcastsConfig(AppConfig):
    """Broadcasts, audiences and revenue."""

    name = "plugins.monitoring.broadcasts"
    label = "broadcasts"
    verbose_name = _("Broadcasts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the jobs, the import and the columns of reports; follow stations."""
        from imports import staying
        from operations.earlier import took_over
        from plugins.monitoring.broadcasts import following
        from plugins.monitoring.broadcasts.arrivals import BroadcastReader
        from plugins.monitoring.broadcasts.importing import kind  # noqa: F401
        from plugins.monitoring.broadcasts.in_reports import BROADCAST, first_broadcast
        from plugins.monitoring.broadcasts.moving import MovedStreams, why_stays
        from plugins.monitoring.streams.signals import station_moved
        from plugins.moving.importing.streams import streams_here
        from reports.extras import extras, heads
        from review.programmes import arrivals

        extras.register(BROADCAST)
        heads.register(first_broadcast)
        arrivals.readers.register(BroadcastReader())
        streams_here.register(MovedStreams())
        staying.reasons.register(why_stays)
        staying.undoers.register(
            {
                "station.added": "plugins.monitoring.broadcasts.moving.keep_station",
                "stream.added": "plugins.monitoring.broadcasts.moving.delete_stream",
            }
        )
        took_over.register(("imports.broadcastimport", "broadcasts.broadcastimport"))
        station_moved.connect(following.note_station, dispatch_uid="broadcasts.place")
