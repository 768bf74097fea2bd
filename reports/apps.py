"""The reports app."""

from __future__ import annotations

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Reports, schedules and evidence packs."""

    name = "reports"

    def ready(self) -> None:
        """Register the jobs."""
        from reports import jobs  # noqa: F401
