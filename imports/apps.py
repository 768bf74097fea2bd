"""The imports app."""

from __future__ import annotations

from pathlib import Path

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ImportsConfig(AppConfig):
    """Imports of all kinds."""

    name = "imports"
    verbose_name = _("Imports")

    def ready(self) -> None:
        """Register the kinds of imports."""
        from imports.kinds import register_folders

        register_folders(Path(self.path))
