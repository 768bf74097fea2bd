"""``manage.py move --to FILE FOLDER``: move the installation to other services."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import path_and_reason
from operations.moving import MoveFailed, move
from operations.tables import BackupUnusable


class Command(BaseCommand):
    """Continues an interrupted move if called with the same arguments."""

    help = (
        "Move database, media and index to the services in another settings file; stop "
        "the web server and workers first."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("folder", type=Path, help="Folder for the backup that the move uses.")
        parser.add_argument(
            "--to",
            type=Path,
            required=True,
            metavar="FILE",
            help="Settings of the new installation, one NAME=value per line.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Move and print each step; exit with 1 on failure, to be run again."""
        try:
            backup = move(options["folder"], options["to"], self.stdout.write)
        except (MoveFailed, BackupUnusable) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path_and_reason(error)}.") from error
        self.stdout.write(
            f"The move is complete: rows, files and index match {backup}. Start "
            "the web server and workers with the new settings; keep the old "
            "installation, stopped, until you have checked the new one. Then let the new "
            "one send and fetch, with its settings: manage.py installation --real."
        )
