"""The declarations app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeclarationsConfig(AppConfig):
    """Declarations of use and their profiles."""

    name = "plugins.monitoring.declarations"
    label = "declarations"
    verbose_name = _("Declarations")

    def ready(self) -> None:
        """Register the jobs, the formats, and the kind of statement."""
        from pathlib import Path

        from base.accounts.kept_names import KeptName, kept_names
        from operations.earlier import took_over
        from plugins.monitoring.declarations import jobs  # noqa: F401
        from plugins.monitoring.declarations.formats import registry
        from plugins.monitoring.declarations.models import Declaration
        from plugins.monitoring.declarations.statement import Declarations
        from statements.kinds import kinds

        registry.register_folders(Path(registry.__file__).parent)
        kinds.register(Declarations())
        kept_names.register(KeptName(Declaration, "run_by", "run_by_name", "reports"))
        for name in (
            "declaration",
            "declarationprofile",
            "declarationprofile_stations",
            "declaredplay",
        ):
            took_over.register((f"reports.{name}", f"declarations.{name}"))
