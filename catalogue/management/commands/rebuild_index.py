"""``manage.py rebuild_index``: rebuild the landmark index from stored fingerprints."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.outages import STORAGE_AWAY, outage_of
from base.common.phrases import count_noun
from catalogue.rebuilding import Rebuilt, rebuild_index
from recognition.errors import RecognitionError


class Command(BaseCommand):
    """Builds a new index, then swaps; scans continue with the old one."""

    help = "Rebuild the landmark index from the stored fingerprints."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--resume", action="store_true", help="Continue an interrupted rebuild."
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Rebuild and print the counts; exit 1 if a recording could not be indexed."""
        try:
            counts = rebuild_index(self._print_counts, resume=options["resume"])
        except RecognitionError as error:
            raise CommandError(
                f"{error} The current index is unchanged; try again with --resume."
            ) from error
        except Exception as error:
            outage = outage_of(error)
            if outage is None:
                raise
            hint = " Make sure that it runs, and check STORAGE_URL."
            raise CommandError(
                f"{outage.title} ({error}).{hint if outage is STORAGE_AWAY else ''} "
                "Scans continue with the current index. Once it works again, continue with: "
                "manage.py rebuild_index --resume"
            ) from error
        self.stdout.write("The new index is in place.")
        if counts.failed:
            raise CommandError(
                f"{count_noun(counts.failed, 'recording')} could not be indexed. The catalogue "
                "lists them with the status “Error”."
            )

    def _print_counts(self, counts: Rebuilt) -> None:
        self.stdout.write(
            f"{count_noun(counts.indexed, 'recording')} indexed, {counts.fingerprinted} of them "
            f"fingerprinted again, {counts.failed} failed"
            + (f"; {counts.already_indexed} were already indexed" if counts.already_indexed else "")
        )
