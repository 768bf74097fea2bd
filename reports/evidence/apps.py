"""The evidence app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EvidenceConfig(AppConfig):
    """Evidence packs; their table has the app label ``reports``."""

    name = "reports.evidence"
    verbose_name = _("Evidence")

    def ready(self) -> None:
        """Register the job, the columns of reports, and what packs state."""
        from base.audit.expected import Expectation, expectations
        from reports.evidence import jobs  # noqa: F401
        from reports.evidence.in_reports import EVIDENCE
        from reports.evidence.models import EvidencePack
        from reports.evidence.statement import EvidencePacks
        from reports.extras import extras
        from statements.kinds import kinds

        extras.register(EVIDENCE)
        kinds.register(EvidencePacks())
        expectations.register(Expectation("an evidence pack", EvidencePack._base_manager.all))
