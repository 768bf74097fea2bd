"""``manage.py restore [FOLDER]``: restore a backup into an empty installation."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import path_and_reason
from base.common.phrases import count_noun
from operations.backup_places import FolderPlace, Place, backup_bucket
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

    help = "Restore a backup, or the newest one in a folder, into an empty installation."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "folder",
            type=Path,
            nargs="?",
            help="A backup, or a folder of backups (default: the bucket in ACRPORTAL_BACKUP_URL).",
        )
        parser.add_argument("--name", default="", help="Name of a backup in the bucket.")
        parser.add_argument(
            "--check", action="store_true", help="Only read the backup and check its hashes."
        )
        parser.add_argument(
            "--compare",
            action="store_true",
            help="Only compare all rows and stored files with the backup.",
        )
        parser.add_argument(
            "--incomplete",
            action="store_true",
            help="Restore without the media files and the index that are damaged.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Restore or compare; on failure exit with 1 and leave nothing half done."""
        try:
            with _backup(options["folder"], options["name"]) as (folder, place):
                if options["check"]:
                    self._check(folder, place)
                elif options["compare"]:
                    self._compare(folder)
                else:
                    self._restore(folder, place, incomplete=options["incomplete"])
        except (BackupUnusable, NotFresh) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path_and_reason(error)}.") from error

    def _check(self, folder: Path, place: Place) -> None:
        checked = check_backup(folder, self.stdout.write, place)
        manifest = checked.manifest
        tables, media = len(manifest["tables"]), manifest["media"]["files"]
        for sentence in checked.lacking:
            self.stderr.write(sentence)
        self.stdout.write(
            f"{folder.name} is intact: {count_noun(tables, 'table')}, "
            f"{count_noun(media, 'media file')}."
        )

    def _compare(self, folder: Path) -> None:
        count = 0
        for difference in differences(folder, self.stdout.write, media=True):
            count += 1
            self.stderr.write(difference)
        if count:
            raise CommandError(f"{count_noun(count, 'difference')} from {folder}.")
        self.stdout.write(f"Rows and files match {folder}.")

    def _restore(self, folder: Path, place: Place, *, incomplete: bool) -> None:
        restored = restore(folder, self.stdout.write, place, incomplete=incomplete)
        for sentence in restored.not_restored:
            self.stderr.write(f"Not restored: {sentence}")
        self.stdout.write(
            f"Restored {folder.name}: {count_noun(sum(restored.rows.values()), 'row')}. "
            "Check the installation with: manage.py doctor --fix\n"
            "It sends and fetches nothing until you say which installation is the real "
            "one: manage.py installation --real, or --copy."
        )


@contextmanager
def _backup(path: Path | None, name: str) -> Iterator[tuple[Path, Place]]:
    """Yield a backup's folder without its media, and the place that has them."""
    if path is not None:
        folder = find_backup(path)
        yield folder, FolderPlace(folder.parent)
        return
    with backup_bucket() as bucket:
        chosen = name or bucket.newest()
        if not chosen:
            raise BackupUnusable(f"There is no finished backup in {bucket}.")
        yield bucket.local(chosen), bucket
