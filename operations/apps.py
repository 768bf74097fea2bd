"""The operations app."""

from __future__ import annotations

from datetime import timedelta

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    """Operating an installation: backup, doctor, jobs, metrics."""

    name = "operations"
    verbose_name = _("operations")

    def ready(self) -> None:
        """Register the regular work, checks and metrics, and the mails about accounts."""
        from jobs.periodic import periodic
        from operations import account_mails

        account_mails.listen()
        if settings.ACRPORTAL_MONITORING:
            from operations.findings import checks
            from operations.gauges import metrics
            from operations.monitoring import stream_findings, stream_metrics

            checks.register(stream_findings)
            metrics.register(stream_metrics)

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
