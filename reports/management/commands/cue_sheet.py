"""``manage.py cue_sheet``: write the cue sheet of a file."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import path_and_reason
from base.common.phrases import count_noun
from base.common.uid import new_uid
from reports import cue_sheets
from reports.cue_sheet_files import FORMATS
from reports.cue_statement import approved_version, hand_out_draft
from scanning.models import ScannedFile
from statements.services import hand_out

_ACTOR: Final = "command:cue_sheet"


class Command(BaseCommand):
    """Writes the approved sheet, or a draft, and never a part of it."""

    help = "Write the cue sheet of a scanned file as CSV, XLSX or PDF."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("file", type=uuid.UUID, help="id of the scanned file")
        parser.add_argument(
            "--output", required=True, type=Path, help="the .csv, .xlsx or .pdf file to write"
        )
        parser.add_argument(
            "--draft",
            action="store_true",
            help="write today's state, even if a version is approved",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Write the sheet and print its counts."""
        output: Path = options["output"]
        kind = output.suffix.lower().removeprefix(".")
        if kind not in FORMATS:
            raise CommandError("The output must end in .csv, .xlsx or .pdf.")
        try:
            content, counts = _content(options["file"], kind, is_draft=options["draft"])
            _write(output, content)
        except cue_sheets.NotScanned as error:
            raise CommandError(str(error)) from error
        except OSError as fault:
            because = path_and_reason(fault)
            raise CommandError(f"{output} could not be written: {because}.") from fault
        self.stdout.write(f"{output}: {counts}")


def _content(uid: uuid.UUID, kind: str, *, is_draft: bool) -> tuple[bytes, str]:
    """Return the approved bytes, or today's, and what they are in words."""
    approved = None if is_draft else approved_version(str(uid))
    if approved is not None:
        stored = hand_out(file=approved.files.get(format=kind), actor=_ACTOR)
        return stored, f"approved version {approved.version}"
    file = ScannedFile.objects.present().filter(uid=uid).first()
    if file is None:
        raise CommandError(f"There is no file {uid}.")
    sheet = cue_sheets.cue_sheet(file=file)
    content = hand_out_draft(sheet=sheet, actor=_ACTOR, form=kind)
    cues = count_noun(len(sheet.cues), "cue")
    return content, f"draft, {cues}, {sheet.unknown} without a recording"


def _write(output: Path, content: bytes) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.{new_uid('p')}")
    try:
        partial.write_bytes(content)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
