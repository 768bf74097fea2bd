"""The statements app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StatementsConfig(AppConfig):
    """What people sign, send or hand over, and whether it still holds."""

    name = "statements"
    verbose_name = _("Statements")

    def ready(self) -> None:
        """Register the job, follow changes, and say what stands on files and recordings."""
        from base.accounts.kept_names import KeptName, kept_names
        from base.audit import standing
        from base.audit.services import events_recorded
        from statements import following, selectors
        from statements.models import StatementStep

        standing.finders.register(selectors.standing_on)
        kept_names.register(KeptName(StatementStep, "person", "person_name"))
        events_recorded.connect(following.note_events, dispatch_uid="statements.events")
