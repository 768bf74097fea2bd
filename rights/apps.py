"""Configures the package of works, parties, shares and releases."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RightsConfig(AppConfig):
    """Works, parties, shares, releases, and the conflicts between claims."""

    name = "rights"
    verbose_name = _("Rights")

    def ready(self) -> None:
        """Register the jobs."""
        from rights import jobs  # noqa: F401 - registers the kinds
