"""The imports app."""

from __future__ import annotations

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    """Imports of recordings and of results."""

    name = "imports"

    def ready(self) -> None:
        """Register the jobs."""
        from imports import jobs  # noqa: F401
