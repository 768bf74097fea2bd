"""``manage.py move --to FILE FOLDER``: the installation to other services, whole."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from operations.moving import MoveFailed, move
from operations.tables import BackupUnusable


class Command(BaseCommand):
    """Goes on where an earlier move with the same arguments was broken off."""

    help = (
        "Move database, media and index to what another settings file names; stop web "
        "server and workers first."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "folder",
            type=Path,
            help="Folder for the backup that everything goes through.",
        )
        parser.add_argument(
            "--to",
            type=Path,
            required=True,
            metavar="FILE",
            help="Settings of the new installation, one NAME=value a line.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Move, saying each step; exit 1 where one fails, to be given again."""
        try:
            backup = move(options["folder"], options["to"], self.stdout.write)
        except (MoveFailed, BackupUnusable, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Everything is there: rows, files and index are those of {backup}. Start "
            "web server and workers with the new settings; keep the old installation "
            "until you are content."
        )
