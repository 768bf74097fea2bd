"""What the commands share that import recordings: their options, the run, its report."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.accounts.management.finding import find_user
from base.common.charsets import FILE_CHARSETS
from base.common.file_faults import path_and_reason
from base.common.phrases import count_noun
from base.common.uid import new_uid
from catalogue.management.finding import find_bucket
from imports.errors import TableRefused, quote_value
from imports.mapping import Columns
from imports.reading_rules import CHOICES, ReadingRules
from imports.recordings.audio import AudioSource
from imports.recordings.summary import ImportSummary
from imports.recordings.work import make_import
from imports.table_encoding import RECOGNISED
from imports.table_notes import notes
from imports.tables import Table
from imports.undoing.noting import HOW_TO_UNDO, noted

Options = Mapping[str, Any]
"""The options of a command. Any: Django's own."""


def add_import_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every import of recordings."""
    parser.add_argument("--bucket", required=True, help="Its id or name.")
    parser.add_argument("--dry-run", action="store_true", help="Write nothing.")
    parser.add_argument("--bad-rows", type=Path, help="File for the refused rows.")
    parser.add_argument("--username", help="The user, for the audit trail.")
    parser.add_argument("--format", choices=["text", "json"], default="text")


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that reads a table."""
    parser.add_argument(
        "--encoding",
        choices=[RECOGNISED, *FILE_CHARSETS],
        default=RECOGNISED,
        help="Of a CSV file; recognised if it is not given.",
    )
    parser.add_argument(
        "--header-line",
        type=int,
        help="The line with the names of the columns; found if it is not given.",
    )
    for name, (label, choices) in CHOICES.items():
        parser.add_argument(
            f"--{name}",
            choices=[str(choice) for choice in choices],
            help=f"{label}; proposed from the cells if it is not given.",
        )


def import_table(
    command: BaseCommand,
    table: Table,
    audio: AudioSource,
    path: Path,
    options: Options,
    *,
    mapped: tuple[Columns, ReadingRules] | None = None,
) -> None:
    """Import a table; refused rows are written beside ``path``.

    Exits with status 1 if rows were refused.
    """
    bad_rows: Path = options["bad_rows"] or Path(f"{path}.errors.csv")
    uid, username = new_uid("i"), options["username"]
    try:
        with (
            table,
            make_import(
                bucket=find_bucket(options["bucket"]),
                table=table,
                audio=audio,
                user=None if username is None else find_user(username),
                dry=options["dry_run"],
                mapped=mapped,
                waiting=options.get("waiting", False),
            ) as task,
            bad_rows.open("w", encoding="utf-8-sig", newline="") as file,
            noted("" if options["dry_run"] else uid),
        ):
            summary = task.run(file)
    except TableRefused as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{path_and_reason(error)}.") from error
    if not summary.refused:
        bad_rows.unlink()
    as_json = options["format"] == "json"
    _print(command, summary, as_json=as_json)
    if not (as_json or options["dry_run"]) and summary.added + summary.updated:
        command.stdout.write(HOW_TO_UNDO % uid)
    if summary.refused:
        command.stderr.write(f"{count_noun(summary.refused, 'row')} refused; see {bad_rows}")
        sys.exit(1)


def print_silent(command: BaseCommand, paths: Iterable[str]) -> None:
    """Name the files that are left out, because they hold no sound."""
    for path in paths:
        command.stderr.write(f"{path}: left out, it holds no sound that can be read")


def print_notes(command: BaseCommand, reading: Mapping[str, Any]) -> None:
    """Say how a table was read. Any: JSON."""
    for sentence in notes(reading):
        command.stdout.write(sentence)


def _print(command: BaseCommand, summary: ImportSummary, *, as_json: bool) -> None:
    if as_json:
        command.stdout.write(json.dumps(asdict(summary)))
        return
    print_notes(command, summary.reading)
    for kind, row_faults in (("", summary.faults), ("warning: ", summary.warnings)):
        for note in row_faults:
            command.stdout.write(
                f"Line {note['line']}, column {note['column']}: {kind}"
                f"{note['rule']} {quote_value(note['value'])}"
            )
    waiting = f" ({summary.waiting} wait for audio)" if summary.waiting else ""
    command.stdout.write(
        f"{count_noun(summary.rows, 'row')}: {summary.added} new{waiting}, "
        f"{summary.updated} updated, {summary.unchanged} unchanged, "
        f"{summary.refused} refused"
    )
    if summary.exclusions:
        command.stdout.write(
            f"{count_noun(summary.exclusions, 'new exclusion')}; "
            f"{count_noun(summary.matches_touched, 'match', 'matches')} affected, "
            f"{summary.matches_suppressed} of them wholly excluded"
        )
