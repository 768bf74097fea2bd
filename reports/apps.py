"""The reports app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    """Reports, schedules and cue sheets."""

    name = "reports"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Register the jobs, and what cue sheets stand on."""
        from audit import standing
        from reports import jobs  # noqa: F401
        from reports.standing import stated_on

        standing.finders.register(stated_on)
