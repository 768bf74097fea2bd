"""``manage.py restore FOLDER``: puts a backup into an installation without data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.restoring import (
    NotFresh,
    check_backup,
    differences,
    find_backup,
    restore,
)
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

        parser.add_argument(
            "--compare",
            action="store_true",
            help="Only compare every row and every stored file with the backup.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Restore, or say what is wrong; exit 1 then, with nothing half done."""
        try:
            folder = find_backup(options["folder"])
            if options["check"]:
                check_backup(folder, self.stdout.write)
                self.stdout.write(f"{folder} is whole.")
                return
            if options["compare"]:
                self._compare(folder)
                return
            rows = restore(folder, self.stdout.write)
        except (BackupUnusable, NotFresh) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Restored {folder}: {sum(rows.values())} rows. "
            "See that all fits together with: manage.py doctor --fix"
        )

    def _compare(self, folder: Path) -> None:
        found = 0
        for found, difference in enumerate(  # noqa: B007 - the last number counts
            differences(folder, self.stdout.write, media=True), start=1
        ):
            self.stderr.write(difference)
        if found:
            raise CommandError(f"{found} differences from {folder}.")
        self.stdout.write(f"Rows and files are those of {folder}.")
