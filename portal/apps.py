"""Portal: the pages that put several packages together, and the admin."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Holds views and admin screens; no models."""

    name = "portal"
