"""``manage.py rebuild_index``: the landmark index anew from stored fingerprints."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.rebuilding import Rebuilt, rebuild_index


class Command(BaseCommand):
    """Builds beside the old index and swaps; scans go on meanwhile."""

    help = "Build the landmark index anew from the stored fingerprints."

    def handle(self, **_options: Any) -> None:  # Any: Django's own signature
        """Rebuild, print the counts; exit 1 where a recording could not be kept."""
        counts = rebuild_index(self._say)
        self.stdout.write("The new index is in place.")
        if counts.failed:
            raise CommandError(
                f"{counts.failed} recordings could not be indexed; they are listed with "
                "status error in the catalogue."
            )

    def _say(self, counts: Rebuilt) -> None:
        self.stdout.write(
            f"{counts.indexed} recordings indexed, {counts.fingerprinted} of them "
            f"fingerprinted again, {counts.failed} failed"
        )
