"""The reports app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    """Reports, schedules and cue sheets."""

    name = "reports"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Register the jobs, statements, and edits that follow their matches."""
        from base.accounts.kept_names import KeptName, kept_names
        from reports import jobs  # noqa: F401
        from reports.cue_edits import EditsOfSheets
        from reports.cue_entries import EntriesOfSheets, entered_in
        from reports.cue_statement import CueSheets
        from reports.models import ReportRun
        from reports.run_statement import SentReports
        from review.services.following import followers
        from review.services.questions import spoken
        from review.timeline.reading import entered_cues
        from statements.kinds import kinds

        kept_names.register(KeptName(ReportRun, "run_by", "run_by_name", "reports"))
        entered_cues.register(entered_in)
        kinds.register(CueSheets())
        kinds.register(SentReports())
        followers.register(("sheet_edits", EditsOfSheets()))
        spoken.register(EntriesOfSheets())
