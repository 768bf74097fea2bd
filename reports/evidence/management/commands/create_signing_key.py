"""``manage.py create_signing_key``: create or export the evidence signing key."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import path_and_reason
from reports.evidence import signing


class Command(BaseCommand):
    """Creates the key once, or writes its public key with ``--export``."""

    help = "Create the key that signs evidence packs, or export its public key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--export",
            metavar="FILE",
            help="write the existing public key to FILE, or to standard output with -; "
            "creates no key",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Create or export the key."""
        try:
            if target := options["export"]:
                pem = signing.public_key().pem
                if target == "-":
                    sys.stdout.write(pem.decode())
                    return
                Path(target).write_bytes(pem)
                self.stdout.write(f"{target}: key id {signing.public_key().key_id}")
                return
            key = signing.create_key()
        except signing.KeyUnusable as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path_and_reason(error)}.") from error
        self.stdout.write(
            f"The key is in {signing.key_path()}, readable only by you. Store a copy "
            "with your passwords.\n"
            f"Key id {key.key_id}\n"
            "Give the public key (--export) to people who verify your evidence packs."
        )
