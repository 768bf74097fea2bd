"""The imports app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ImportsConfig(AppConfig):
    """Imports of recordings and of results."""

    name = "imports"
    verbose_name = _("Imports")

    def ready(self) -> None:
        """Register the jobs."""
        from imports import jobs  # noqa: F401
