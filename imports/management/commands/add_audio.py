"""``manage.py add_audio``: gives recordings that wait for it their audio."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.accounts.management.finding import find_user
from base.common.file_faults import path_and_reason
from base.common.uid import new_uid
from catalogue.management.finding import find_bucket
from imports.audio.importer import AudioImporter, AudioSummary, rows_of_table
from imports.errors import ImportRefused
from imports.recordings.audio import Folder
from imports.undoing.noting import HOW_TO_UNDO, noted


class Command(BaseCommand):
    """Pairs the files of a folder with the waiting recordings of a bucket."""

    help = "Give recordings that wait for it their audio, from the files of a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("bucket", help="its id or name")
        parser.add_argument("folder", type=Path, help="folder with the audio files")
        parser.add_argument(
            "--table",
            type=Path,
            help="CSV or XLSX with custom_id, and audio (the file's name) or sha256",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be paired")
        parser.add_argument("--username", help="the user, for the audit trail")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Pair the files; exit with status 1 if one has no recording."""
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise CommandError(f"{folder} is no folder.")
        name = options["username"]
        user = None if name is None else find_user(name)
        uid, dry = new_uid("ai"), options["dry_run"]
        try:
            table = rows_of_table(options["table"]) if options["table"] else ()
            with noted("" if dry else uid):
                summary = AudioImporter(
                    bucket=find_bucket(options["bucket"]),
                    source=Folder(folder, options["table"]),
                    table=table,
                    user=user,
                    dry=dry,
                    heartbeat=lambda: None,
                ).run()
        except ImportRefused as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path_and_reason(error)}.") from error
        if options["format"] == "json":
            self.stdout.write(json.dumps(asdict(summary)))
        else:
            self._print(summary, dry=dry)
            if summary.given:
                self.stdout.write(HOW_TO_UNDO % uid)
        if summary.refused:
            sys.exit(1)

    def _print(self, summary: AudioSummary, *, dry: bool) -> None:
        for pair in summary.pairs:
            length = ", other length" if pair["differs"] else ""
            self.stdout.write(f"{pair['file']} → {pair['title']} ({pair['rule']}{length})")
        for fault in summary.faults:
            self.stderr.write(f"{fault['file']}: {fault['message']} ({fault['code']})")
        outcome = "Dry run: nothing was given." if dry else f"{summary.given} given."
        self.stdout.write(
            f"Files: {summary.files}, paired: {summary.paired}, left out: "
            f"{summary.refused}. {outcome} Recordings still waiting: "
            f"{summary.still_waiting}."
        )
