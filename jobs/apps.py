"""The jobs app."""

from __future__ import annotations

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Background work of every kind."""

    name = "jobs"
    verbose_name = "Background jobs"

    def ready(self) -> None:
        """Register the regular work."""
        from jobs import jobs  # noqa: F401
