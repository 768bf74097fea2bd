"""The reports app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportsConfig(AppConfig):
    """Reports, schedules and evidence packs."""

    name = "reports"
    verbose_name = _("Reports")

    def ready(self) -> None:
        """Register the jobs, and what declarations say of broadcasts."""
        from broadcasts.services import register_statements
        from reports import jobs  # noqa: F401
        from reports.declarations.selectors import statements_on

        register_statements(statements_on)
