"""Django application of the pages, the admin screens and the portal's own API."""

from __future__ import annotations

from django.apps import AppConfig

from common.words import mark_names


class PortalConfig(AppConfig):
    """Configures the portal, which has no models."""

    name = "portal"

    def ready(self) -> None:
        """Let pages and admin screens show names of fields in each language."""
        mark_names()
