"""The jobs app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """Background work of every kind."""

    name = "base.jobs"
    verbose_name = _("Background jobs")

    def ready(self) -> None:
        """Register the regular work."""
        from base.jobs import jobs  # noqa: F401
