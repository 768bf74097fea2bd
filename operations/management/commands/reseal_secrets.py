"""``manage.py reseal_secrets``: encrypt stored secrets with a new ``SECRET_KEY``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.resealing import reseal_secrets


class Command(BaseCommand):
    """Encrypts tokens of other services and second factors with today's key."""

    help = (
        "Encrypt stored secrets with today's SECRET_KEY, so that earlier keys in "
        "SECRET_KEY_FALLBACKS can be removed."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--dry-run", action="store_true", help="Count only; change nothing.")
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="(default: text)"
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Encrypt and print the counts."""
        counts = reseal_secrets(dry_run=options["dry_run"])
        if options["format"] == "json":
            self.stdout.write(json.dumps(asdict(counts)))
        else:
            verb = "to encrypt" if options["dry_run"] else "encrypted"
            self.stdout.write(
                f"{counts.resealed} {verb} with the new key, {counts.current} already "
                f"were, {counts.unreadable} cannot be read with any key."
            )
        if counts.unreadable:
            raise CommandError(
                "manage.py doctor lists the secrets that cannot be read. Enter them "
                "again, or add their key to SECRET_KEY_FALLBACKS."
            )
