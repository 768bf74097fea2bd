"""The operations app."""

from __future__ import annotations

from datetime import timedelta

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    """Operating an installation: backup, doctor, jobs, metrics."""

    name = "operations"
    verbose_name = _("operations")

    def ready(self) -> None:
        """Register the regular work, checks and metrics, and the mails about accounts."""
        from base.jobs.periodic import periodic
        from operations import account_mails

        account_mails.listen()

        periodic(
            "session_retention",
            "operations.retention.prune",
            every=timedelta(minutes=1),
            label=_("Removal of old sessions"),
        )
        periodic(
            "table_statistics",
            "operations.statistics.analyse",
            every=timedelta(hours=1),
            label=_("Statistics of tables"),
        )
