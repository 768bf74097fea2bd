"""Configures the platforms package and connects its signals."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PlatformsConfig(AppConfig):
    """Claims on platforms and the lists that compare them with the portal."""

    name = "platforms"
    verbose_name = _("Platform claims")

    def ready(self) -> None:
        """Register jobs and statements, and follow what the lists stand on."""
        from audit.services import events_recorded
        from catalogue.signals import recording_ready, recordings_changed
        from platforms import (
            grounds,
            jobs,  # noqa: F401
        )
        from platforms.statement import ClaimFiles
        from scanning.results import scan_finished, scan_settled
        from statements.kinds import kinds

        kinds.register(ClaimFiles())
        events_recorded.connect(grounds.note_events, dispatch_uid="claims.events")
        recordings_changed.connect(
            grounds.note_recordings, dispatch_uid="claims.recordings"
        )
        recording_ready.connect(grounds.note_ready, dispatch_uid="claims.ready")
        for signal in (scan_finished, scan_settled):
            signal.connect(grounds.note_scan, dispatch_uid="claims.scans")
