"""``manage.py installation``: say whether this is the real installation, or a copy."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from base.jobs.choices import InstallationRole
from base.jobs.installation import current, declare


class Command(BaseCommand):
    """Shows or sets what this installation is."""

    help = (
        "Show whether this is the real installation or a copy, or decide it. A copy "
        "sends no mails, callbacks and reports, records no streams and fetches nothing."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        chosen = parser.add_mutually_exclusive_group()
        chosen.add_argument(
            "--real",
            dest="role",
            action="store_const",
            const=InstallationRole.REAL,
            help="This one is real: waiting work goes out. First make the other a copy.",
        )
        chosen.add_argument(
            "--copy",
            dest="role",
            action="store_const",
            const=InstallationRole.COPY,
            help="This one is a copy, and reaches out no more.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Decide if asked to, and print the outcome."""
        if options["role"] is not None:
            declare(options["role"], user=None)
        statement = current()
        if statement is None or statement.role == InstallationRole.REAL:
            self.stdout.write("This is the real installation.")
        elif statement.role == InstallationRole.COPY:
            self.stdout.write("This is a copy: it sends and fetches nothing.")
        else:
            self.stdout.write(
                f"This installation was restored from {statement.backup}. It sends and "
                "fetches nothing until you decide: --real or --copy."
            )
