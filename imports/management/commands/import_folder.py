"""``manage.py import_folder``: adds a folder of audio files as recordings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from imports.management.importing import add_import_arguments, import_table, print_silent
from imports.recordings.audio import Folder
from imports.recordings.programs import folder_table


class Command(BaseCommand):
    """Checks or imports a folder."""

    help = "Add audio files as recordings; their tags are the metadata."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("folder", type=Path)
        add_import_arguments(parser)

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Import the files; exit with status 1 if any was refused."""
        root: Path = options["folder"]
        if not root.is_dir():
            raise CommandError(f"{root} is no folder.")
        folder = Folder(root)
        made = folder_table(folder)
        print_silent(self, made.silent)
        import_table(self, made.table, folder, root, options)
