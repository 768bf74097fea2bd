"""Django application of the pages, the admin screens and the portal's own API."""

from __future__ import annotations

from django.apps import AppConfig

from base.common.phrases import mark_names


class PortalConfig(AppConfig):
    """Configures the portal, which has no models."""

    name = "web.portal"

    def ready(self) -> None:
        """Register the portal's own entries of the menu."""
        from web.portal import menu

        mark_names()
        menu.register()
