"""``manage.py restore FOLDER``: restore a backup into an empty installation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.phrases import count_noun
from operations.restoring import NotFresh, check_backup, differences, find_backup, restore
from operations.tables import BackupUnusable


class Command(BaseCommand):
    """Checks a backup, and restores it."""

    help = "Restore a backup, or the newest one in a folder, into an empty installation."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("folder", type=Path, help="A backup, or a folder of backups.")
        parser.add_argument(
            "--check", action="store_true", help="Only read the backup and check its hashes."
        )

        parser.add_argument(
            "--compare",
            action="store_true",
            help="Only compare all rows and stored files with the backup.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Restore or compare; on failure exit with 1 and leave nothing half done."""
        try:
            folder = find_backup(options["folder"])
            if options["check"]:
                check_backup(folder, self.stdout.write)
                self.stdout.write(f"{folder} is intact.")
                return
            if options["compare"]:
                count = 0
                for difference in differences(folder, self.stdout.write, media=True):
                    count += 1
                    self.stderr.write(difference)
                if count:
                    raise CommandError(f"{count_noun(count, 'difference')} from {folder}.")
                self.stdout.write(f"Rows and files match {folder}.")
                return
            rows = restore(folder, self.stdout.write)
        except (BackupUnusable, NotFresh) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Restored {folder}: {sum(rows.values())} rows. "
            "Check the installation with: manage.py doctor --fix\n"
            "It sends and fetches nothing until you say which installation is the real "
            "one: manage.py installation --real, or --copy."
        )
