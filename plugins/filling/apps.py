"""Configures the package of suggestions from open data."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EnrichmentConfig(AppConfig):
    """Suggestions for missing metadata, and what people and rules decide about them."""

    name = "enrichment"
    verbose_name = _("Filling in")

    def ready(self) -> None:
        """Register the jobs."""
        from enrichment import jobs  # noqa: F401 - registers the kinds
