"""``manage.py requeue_stale_scans``: what the worker's sweeper does, once, by hand."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from scanning.services.scans import requeue_stale_scans


class Command(BaseCommand):
    """Queues scans again whose worker died."""

    help = "Queue again every scan whose worker fell silent; prints how many."

    def handle(self, **_options: Any) -> None:  # Any: Django's own signature
        """Sweep once."""
        self.stdout.write(f"{requeue_stale_scans()} scans queued again")
