"""The programmes app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProgrammesConfig(AppConfig):
    """Episodes, uses of music, and earlier decisions in the same programme."""

    name = "programmes"
    verbose_name = _("Programmes")

    def ready(self) -> None:
        """Keep uses of music when a rescan continues their match in another recording."""
        from programmes.services import carry_uses
        from scanning.results import scan_settled

        scan_settled.connect(carry_uses, dispatch_uid="programmes")
