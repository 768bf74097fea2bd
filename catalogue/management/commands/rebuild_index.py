"""``manage.py rebuild_index``: the landmark index anew from stored fingerprints."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalogue.rebuilding import Rebuilt, rebuild_index
from common.outages import STORAGE_AWAY, outage_of
from recognition.errors import RecognitionError


class Command(BaseCommand):
    """Builds beside the old index and swaps; scans go on meanwhile."""

    help = "Build the landmark index anew from the stored fingerprints."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--resume",
            action="store_true",
            help="Go on where an earlier rebuild was broken off.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Rebuild, print the counts; exit 1 where a recording could not be kept."""
        try:
            counts = rebuild_index(self._say, resume=options["resume"])
        except RecognitionError as error:
            raise CommandError(
                f"{error} The index in use is as it was; try again with --resume."
            ) from error
        except Exception as error:
            outage = outage_of(error)
            if outage is None:
                raise
            hint = " See that it runs and check STORAGE_URL."
            raise CommandError(
                f"{outage.title} ({error}).{hint if outage is STORAGE_AWAY else ''} "
                "Scans go on with the index in use. Once that is mended, go on with: "
                "manage.py rebuild_index --resume"
            ) from error
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
            + (f"; {counts.kept} were there already" if counts.kept else "")
        )
