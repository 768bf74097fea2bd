"""``manage.py requeue_stale_scans``: runs the worker's requeueing once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from scanning.services.scans import requeue_stale_scans


class Command(BaseCommand):
    """Queues scans again whose worker died."""

    help = "Queue again every scan whose worker stopped responding; print how many."

    def handle(self, **_options: Any) -> None:  # Any: Django's own signature
        """Queue the scans again once."""
        self.stdout.write(f"Scans queued again: {requeue_stale_scans()}")
