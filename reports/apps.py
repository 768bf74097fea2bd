"""The reports app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    """Reports, schedules and cue sheets."""

    name = "reports"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Register the jobs, what sheets stand on, and edits that follow their matches."""
        from audit import standing
        from reports import jobs  # noqa: F401
        from reports.cue_edits import EditsOfSheets
        from reports.standing import stated_on
        from review.services.following import followers

        standing.finders.register(stated_on)
        followers.register(("sheet_edits", EditsOfSheets()))
