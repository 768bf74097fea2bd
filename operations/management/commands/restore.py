"""``manage.py restore FOLDER``: puts a backup into an installation without data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.restoring import NotFresh, check_backup, find_backup, restore
from operations.tables import BackupUnusable


class Command(BaseCommand):
    """Checks a backup, and restores it."""

    help = "Restore a backup into an empty installation; the newest of several."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("folder", type=Path, help="A backup, or a folder of them.")
        parser.add_argument(
            "--check",
            action="store_true",
            help="Only read the whole backup and compare it with its hashes.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Restore, or say what is wrong; exit 1 then, with nothing half done."""
        try:
            folder = find_backup(options["folder"])
            if options["check"]:
                check_backup(folder, self.stdout.write)
                self.stdout.write(f"{folder} is whole.")
                return
            rows = restore(folder, self.stdout.write)
        except (BackupUnusable, NotFresh) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Restored {folder}: {sum(rows.values())} rows. "
            "See that all fits together with: manage.py doctor --fix"
        )
