"""``manage.py verify_evidence``: check an evidence pack."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import reason_of
from reports.evidence import signing
from reports.evidence.signing import KeyUnusable, PublicKey
from reports.evidence.verification import PackUnreadable, verify


class Command(BaseCommand):
    """Prints each check; exits with 1 if one fails."""

    help = "Check an evidence pack against the installation's key or a given one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("pack", type=Path, help="the ZIP file to check")
        parser.add_argument(
            "--key",
            type=Path,
            metavar="PUB",
            help="public key (PEM) to check against (default: this installation's)",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Run the checks and print them."""
        try:
            findings = verify(options["pack"], _key(options["key"]))
        except (KeyUnusable, PackUnreadable) as error:
            raise CommandError(str(error)) from error
        for finding in findings:
            self.stdout.write(f"{'ok    ' if finding.holds else 'FAILED'} {finding.text}")
        if not all(finding.holds for finding in findings):
            raise CommandError(f"{options['pack']} failed a check.")


def _key(path: Path | None) -> PublicKey:
    if path is None:
        return signing.public_key()
    try:
        return signing.read_public_key(path.read_bytes())
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be read: {reason_of(error)}.") from error
