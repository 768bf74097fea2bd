"""Portal: the pages that put several packages together, and the admin."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Holds views and admin screens; no models."""

    name = "portal"

    def ready(self) -> None:
        """Go on with stopped imports at the worker's sweeps."""
        from portal.imports import requeue_stale_imports
        from scanning.signals import worker_swept

        worker_swept.connect(requeue_stale_imports)
