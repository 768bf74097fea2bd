"""The application of broadcasts."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BroadcastsConfig(AppConfig):
    """Broadcasts, episodes, uses of music, audiences and revenue."""

    name = "broadcasts"
    verbose_name = _("Broadcasts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the jobs; follow stations."""
        from broadcasts import following
        from streams.signals import station_moved

        station_moved.connect(following.note_station, dispatch_uid="broadcasts.place")
