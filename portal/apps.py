"""Django application of the pages, the admin screens and the portal's own API."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Configures the portal, which has no models."""

    name = "portal"
