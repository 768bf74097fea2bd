"""``manage.py import_recordings``: imports a table of recordings into a bucket."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import path_and_reason
from imports.column_check import propose
from imports.errors import TableRefused
from imports.management.importing import (
    add_import_arguments,
    add_reading_arguments,
    import_table,
    print_silent,
)
from imports.mapping import (
    DATA,
    LEFT_OUT,
    Columns,
    MappingRefused,
    NoSuchColumn,
    guess,
    read_columns,
    with_names,
)
from imports.reading_rules import CHOICES
from imports.recordings.audio import Folder, NoAudio
from imports.recordings.programs import PROGRAMS, listed_table
from imports.recordings.targets import RECORDING_TARGETS
from imports.tables import Table, open_table, rows_of


class Command(BaseCommand):
    """Checks or imports a CSV or XLSX table."""

    help = "Import recordings from CSV or XLSX; bad rows are written to a file."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("table", type=Path)
        add_import_arguments(parser)
        parser.add_argument("--audio-dir", type=Path, help="Folder with the audio files.")
        parser.add_argument(
            "--waiting",
            action="store_true",
            help="Add rows without audio as recordings that wait for it.",
        )
        parser.add_argument(
            "--from",
            dest="program",
            choices=PROGRAMS,
            help="The table is this program's list of its recordings.",
        )
        add_reading_arguments(parser)
        parser.add_argument(
            "--keep-unknown", action="store_true", help="Keep unknown columns as data."
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="NAME=COLUMN",
            help="Import the table's column NAME as this column of ours, "
            f"'{DATA}' (keep it as data) or '{LEFT_OUT}' (leave it out); repeatable.",
        )
        parser.add_argument(
            "--clear-empty",
            action="append",
            default=[],
            metavar="COLUMN",
            help="Let empty cells of this column of ours clear the value; repeatable.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Run the import; exit with status 1 if rows were refused."""
        path: Path = options["table"]
        audio: Path | None = options["audio_dir"]
        if audio is not None and not audio.is_dir():
            raise CommandError(f"{audio} is no folder.")
        folder = Folder(audio) if audio else None
        try:
            if options["program"]:
                made = listed_table(options["program"], path, folder, encoding=options["encoding"])
                print_silent(self, made.silent)
                table = made.table
            else:
                table = open_table(
                    path,
                    names=RECORDING_TARGETS.known_names,
                    encoding=options["encoding"],
                    header_line=options["header_line"],
                )
            columns = _mapping_of(table, options)
            chosen = {name: options[name] for name in CHOICES if options[name]}
            rules = propose(columns, rows_of(table), chosen)
        except (TableRefused, NoSuchColumn, MappingRefused) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{path_and_reason(error)}.") from error
        mapped = columns, rules
        import_table(self, table, folder or NoAudio(), path, options, mapped=mapped)


def _mapping_of(table: Table, options: Mapping[str, Any]) -> Columns:  # Any: Django's own
    targets = []
    for assignment in options["map"]:
        # The name in the table may contain an equals sign; ours do not.
        name, equals, target = assignment.rpartition("=")
        if not equals or not name.strip():
            raise CommandError(f"Write --map 'Their name=custom_id', not '{assignment}'.")
        targets.append((name, target.strip()))
    named = read_columns(table.header, rows_of(table), RECORDING_TARGETS)
    guessed = guess(named, keep_unknown=options["keep_unknown"])
    return with_names(guessed, targets, options["clear_empty"])
