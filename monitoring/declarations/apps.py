"""The declarations app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeclarationsConfig(AppConfig):
    """Declarations of use, their profiles and plays."""

    name = "monitoring.declarations"
    label = "declarations"
    verbose_name = _("Declarations")

    def ready(self) -> None:
        """Register the jobs, the formats, and what declarations say of broadcasts and
        matches.
        """
        from pathlib import Path

        from audit import standing
        from monitoring.broadcasts import services
        from monitoring.declarations import jobs  # noqa: F401
        from monitoring.declarations.formats import registry
        from monitoring.declarations.selectors import (
            marks_of,
            stated_on,
            statements_on,
        )
        from reports import marks

        registry.register_folders(Path(registry.__file__).parent)
        services.statements.register(statements_on)
        marks.finders.register(marks_of)
        standing.finders.register(stated_on)
