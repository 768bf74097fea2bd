"""``manage.py import_rights``: import a message or table of works and shares."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.accounts.management.finding import find_user
from base.common.file_faults import reason_of
from imports.errors import ImportRefused, quote_value
from imports.management.importing import add_reading_arguments, print_notes
from imports.reading_rules import CHOICES
from imports.undoing.noting import HOW_TO_UNDO, noted
from plugins.rights.importing.importer import (
    RECORD_KINDS,
    RightsImporter,
    RightsSummary,
    import_file,
)
from plugins.rights.importing.kind import RIGHTS


class Command(BaseCommand):
    """Imports a file of rights, or only checks it, and prints the counts."""

    help = (
        "Import rights: CWR 2.1 or 2.2, DDEX ERN 3.8 or 4.3, or a table with one "
        "share per line as CSV or XLSX."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("file", type=Path, help="the message or table")
        parser.add_argument("--sender", default="", help="who says what a table contains")
        add_reading_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only report what would change")
        parser.add_argument("--username", help="the user, for the audit trail")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Import and print the counts; exit with status 1 if something was refused."""
        path: Path = options["file"]
        name = options["username"]
        user = None if name is None else find_user(name)
        uid = RIGHTS.new_uid()
        task = RightsImporter(
            source=f"import {uid}, {path.name}",
            sender=options["sender"],
            user=user,
            dry=options["dry_run"],
        )
        try:
            with noted("" if options["dry_run"] else uid):
                summary = import_file(
                    task,
                    path,
                    name=path.name,
                    encoding=options["encoding"],
                    header_line=options["header_line"],
                    chosen={name: options[name] for name in CHOICES if options[name]},
                )
        except ImportRefused as error:
            raise CommandError(f"{path}: {error}") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {reason_of(error)}.") from error
        if options["format"] == "json":
            self.stdout.write(json.dumps(asdict(summary)))
        else:
            self._print(path, summary, options)
            if not options["dry_run"] and (summary.created or summary.changed):
                self.stdout.write(HOW_TO_UNDO % uid)
        if summary.refused:
            sys.exit(1)

    def _print(
        self, path: Path, summary: RightsSummary, options: Mapping[str, Any]
    ) -> None:  # Any: Django's own
        print_notes(self, summary.reading)
        for kind, notes in (("", summary.faults), ("warning: ", summary.warnings)):
            for note in notes:
                self.stderr.write(
                    f"Line {note['line']}, {note['column']}: {kind}{note['rule']} "
                    f"{quote_value(note['value'])}"
                )
        counts = ", ".join(
            f"{kind.replace('_', ' ')}: {summary.created.get(kind, 0)} new, "
            f"{summary.changed.get(kind, 0)} changed, "
            f"{summary.unchanged.get(kind, 0)} unchanged"
            for kind in RECORD_KINDS
        )
        end = " Dry run: nothing was written." if options["dry_run"] else ""
        self.stdout.write(f"{path}: {counts}; {summary.refused} refused.{end}")
