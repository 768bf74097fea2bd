"""Configures the package of live streams."""

from __future__ import annotations

from django.apps import AppConfig


class StreamsConfig(AppConfig):
    """Stations and the streams that the portal listens to."""

    name = "streams"

    def ready(self) -> None:
        """Register the jobs."""
        from streams import jobs  # noqa: F401
