"""Configures the package of live streams."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StreamsConfig(AppConfig):
    """Stations and the streams that the portal listens to."""

    name = "plugins.monitoring.streams"
    label = "streams"
    verbose_name = _("Streams")

    def ready(self) -> None:
        """Register the jobs; trim and follow what scans of hours find.

        Join reports and trials.
        """
        from operations.earlier import took_over
        from plugins.monitoring.streams import aired, claims, plays, selectors, trials
        from plugins.moving.trials.places import places
        from reports.extras import extras
        from review.services.transitions import matches_changed
        from scanning import parts
        from scanning.results import scan_finished

        extras.register(aired.AIRED)
        places.register(trials.StreamsOfTrials())
        parts.finders.register(claims.surroundings_of)
        parts.kept_sound.register(selectors.kept_sound)
        scan_finished.connect(plays.settle_plays, dispatch_uid="plugins.monitoring.streams.plays")
        matches_changed.connect(plays.note_decisions, dispatch_uid="streams.decisions")
        for label in (
            ("acrapi.streamcallbacks", "streams.streamcallbacks"),
            ("reports.enginetrial_streams", "streams.stream_trials"),
        ):
            took_over.register(label)
