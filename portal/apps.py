"""Django application of the pages, the admin screens and the portal's own API."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Configures the portal, which has no models."""

    name = "portal"

    def ready(self) -> None:
        """Resume interrupted imports whenever the worker sweeps."""
        from portal.imports.services import requeue_stale_imports
        from scanning.signals import worker_swept

        worker_swept.connect(requeue_stale_imports)
