"""``manage.py backup FOLDER``: a backup of everything, while the portal goes on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.backup import make_backup


class Command(BaseCommand):
    """Adds one backup to a folder of backups."""

    help = "Back up database, media, index and keys; safe while the portal works."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("folder", type=Path, help="Folder that holds the backups.")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Make the backup and say what it holds; exit 1 where it could not be made."""
        try:
            backup = make_backup(options["folder"], self._tell(options["verbosity"]))
        except OSError as error:
            raise CommandError(
                f"No backup was made: {error}. Earlier ones are whole."
            ) from error
        for name in backup.gone:
            self.stderr.write(f"Not in the storage any more, left out: {name}")
        self.stdout.write(
            f"{backup.folder}: {backup.rows} rows, {backup.media} media files "
            f"({backup.media_bytes} bytes). It holds the portal's keys: keep it safe."
        )

    def _tell(self, verbosity: int) -> Any:  # Any: a function of one text
        return self.stdout.write if verbosity > 1 else lambda _line: None
