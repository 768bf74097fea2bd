"""Makes the key that signs evidence packs, or shows its public half."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from reports.evidence import signing


class Command(BaseCommand):
    """Makes the key once; with ``--export`` writes the half that others may have."""

    help = "Make the key that signs evidence packs, or write out its public half."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the option."""
        parser.add_argument(
            "--export",
            metavar="FILE",
            help="write the public half of the key that is there to FILE, - for the "
            "screen; makes no key",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Make or export."""
        try:
            if options["export"]:
                self._export(options["export"])
                return
            made = signing.create_key()
        except (signing.KeyUnusable, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"The key is in {signing.key_path()}, readable for you alone. Keep a copy "
            "where you keep passwords.\n"
            f"Key id {made.key_id}\n"
            "Give the public half (--export) to those who check your evidence packs."
        )

    def _export(self, target: str) -> None:
        pem = signing.public_key().pem
        if target == "-":
            sys.stdout.write(pem.decode())
            return
        Path(target).write_bytes(pem)
        self.stdout.write(f"{target}: key id {signing.public_key().key_id}")
