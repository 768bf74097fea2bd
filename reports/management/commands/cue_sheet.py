"""``manage.py cue_sheet``: write the cue sheet of a file."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.uid import new_uid
from common.words import count_noun
from reports import cue_sheet_files, cue_sheets
from scanning.models import ScannedFile


class Command(BaseCommand):
    """Writes the sheet through a temporary file, so that none is ever partial."""

    help = "Write the cue sheet of a scanned file as CSV, XLSX or PDF."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("file", type=uuid.UUID, help="id of the scanned file")
        parser.add_argument(
            "--output",
            required=True,
            type=Path,
            help="the .csv, .xlsx or .pdf file to write",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Write the sheet and print its counts."""
        output: Path = options["output"]
        kind = output.suffix.lower().removeprefix(".")
        file = ScannedFile.objects.present().filter(uid=options["file"]).first()
        if file is None:
            raise CommandError(f"There is no file {options['file']}.")
        if kind not in ("csv", "xlsx", "pdf"):
            raise CommandError("The output must end in .csv, .xlsx or .pdf.")
        try:
            sheet = cue_sheets.cue_sheet(file=file)
            _write(output, cue_sheet_files.written(sheet, kind))
        except cue_sheets.NotScanned as error:
            raise CommandError(str(error)) from error
        except OSError as fault:
            raise CommandError(f"{output} could not be written: {fault}") from fault
        cue_sheet_files.record_export(sheet=sheet, actor="command:cue_sheet", kind=kind)
        self.stdout.write(
            f"{output}: {count_noun(len(sheet.cues), 'cue')}, {sheet.unknown} without a recording"
        )


def _write(output: Path, content: bytes) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.{new_uid('p')}")
    try:
        partial.write_bytes(content)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
