"""``manage.py backup [FOLDER]``: back up everything while the portal runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import path_and_reason
from base.common.phrases import count_noun
from operations.backup import make_backup
from operations.backup_places import place_of
from operations.hidden import HiddenRows


class Command(BaseCommand):
    """Adds one backup to a folder of backups, or to their bucket."""

    help = "Back up database, media, index and keys; safe while the portal runs."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "folder",
            type=Path,
            nargs="?",
            help="Folder that holds the backups (default: the bucket in ACRPORTAL_BACKUP_URL).",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Make the backup and print its content; exit with 1 on failure."""
        is_verbose = options["verbosity"] > 1
        progress = self.stdout.write if is_verbose else lambda _line: None
        folder: Path | None = options["folder"]
        try:
            with place_of(folder) as place:
                backup = make_backup(place, progress)
        except OSError as error:
            raise CommandError(
                f"No backup was made: {path_and_reason(error)}. Earlier backups are intact."
            ) from error
        except HiddenRows as hidden:
            raise CommandError(f"No backup was made: {hidden}") from hidden
        if folder is None and _is_portals_account():
            self.stderr.write(
                "ACRPORTAL_BACKUP_URL names the account of STORAGE_URL: whoever takes over the "
                "portal can delete its backups. Make another account that may only add."
            )
        for name in backup.gone:
            self.stderr.write(f"Missing in the storage, so not in the backup: {name}")
        for host in backup.key_left_on:
            self.stderr.write(
                f"The signing key is on {host}, so not in the backup: back it up there, or "
                "set ACRPORTAL_SIGNING_KEY_FILE on this machine too."
            )
        self.stdout.write(
            f"{backup.where}: {count_noun(backup.rows, 'row')}, "
            f"{count_noun(backup.media, 'media file')} "
            f"({backup.media_bytes / 1e6:,.1f} MB). "
            "It contains the portal's keys: keep it safe."
        )


def _is_portals_account() -> bool:
    media: Any = settings.STORAGES["default"].get("OPTIONS", {})  # Any: of several types
    return bool(media.get("access_key") == settings.ACRPORTAL_BACKUP_STORE["access_key"])
