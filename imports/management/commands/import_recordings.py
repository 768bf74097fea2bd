"""``manage.py import_recordings``: imports a table of recordings into a bucket."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from catalogue.models import Bucket
from common.charsets import CHARSETS
from common.uid import new_uid
from common.words import count_noun
from imports.recordings.audio import Folder, NoAudio
from imports.recordings.mapping import (
    DATA,
    LEFT_OUT,
    Columns,
    MappingRefused,
    NoSuchColumn,
    guess,
    named_columns,
    with_names,
)
from imports.recordings.summary import ImportSummary
from imports.recordings.work import make_import
from imports.tables import Table, TableRefused, open_table
from imports.undoing.noting import HOW_TO_UNDO, noted


class Command(BaseCommand):
    """Checks or imports a CSV or XLSX table."""

    help = "Import recordings from CSV or XLSX; bad rows are written to a file."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("table", type=Path)
        parser.add_argument("--bucket", required=True, help="Its id or name.")
        parser.add_argument(
            "--audio-dir", type=Path, help="Folder with the audio files."
        )
        parser.add_argument("--dry-run", action="store_true", help="Write nothing.")
        parser.add_argument("--encoding", choices=CHARSETS, default="utf-8")
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
        parser.add_argument("--bad-rows", type=Path, help="File for the refused rows.")
        parser.add_argument("--username", help="The user, for the audit trail.")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Run the import; exit with status 1 if rows were refused."""
        bad_rows: Path = options["bad_rows"] or Path(f"{options['table']}.errors.csv")
        folder, uid = options["audio_dir"], new_uid("i")
        try:
            bucket = _bucket(options["bucket"])
            user: User | None = None
            if options["username"] is not None:
                user = User.objects.filter(username=options["username"]).first()
                if user is None:
                    raise CommandError(f"There is no user {options['username']}.")
            with (
                open_table(options["table"], encoding=options["encoding"]) as table,
                make_import(
                    bucket=bucket,
                    table=table,
                    audio=Folder(folder) if folder else NoAudio(),
                    user=user,
                    dry=options["dry_run"],
                    columns=_mapping_of(table, options),
                ) as task,
                bad_rows.open("w", encoding="utf-8-sig", newline="") as file,
                noted("" if options["dry_run"] else uid),
            ):
                summary = task.run(file)
        except (TableRefused, NoSuchColumn, MappingRefused, OSError) as error:
            raise CommandError(str(error)) from error
        if not summary.refused:
            bad_rows.unlink()
        as_json = options["format"] == "json"
        self._print(summary, as_json=as_json)
        if not (as_json or options["dry_run"]) and summary.added + summary.updated:
            self.stdout.write(HOW_TO_UNDO % uid)
        if summary.refused:
            self.stderr.write(
                f"{count_noun(summary.refused, 'row')} refused; see {bad_rows}"
            )
            sys.exit(1)

    def _print(self, summary: ImportSummary, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(summary)))
            return
        for kind, notes in (("", summary.faults), ("warning: ", summary.warnings)):
            for note in notes:
                self.stdout.write(
                    f"Line {note['line']}, column {note['column']}: {kind}"
                    f"{note['rule']} Got '{note['value']}'."
                )
        self.stdout.write(
            f"{count_noun(summary.rows, 'row')}: {summary.added} new, {summary.updated} updated, "
            f"{summary.unchanged} unchanged, {summary.refused} refused"
        )
        if summary.exclusions:
            self.stdout.write(
                f"{count_noun(summary.exclusions, 'new exclusion')}; "
                f"{count_noun(summary.matches_touched, 'match', 'matches')} affected, "
                f"{summary.matches_suppressed} of them wholly excluded"
            )


def _mapping_of(
    table: Table, options: Mapping[str, Any]
) -> Columns:  # Any: Django's own
    targets = []
    for given in options["map"]:
        # The name in the table may contain an equals sign; ours do not.
        name, equals, target = given.rpartition("=")
        if not equals or not name.strip():
            raise CommandError(f"Write --map 'Their name=custom_id', not '{given}'.")
        targets.append((name, target.strip()))
    named = named_columns(table.header)
    guessed = guess(named, keep_unknown=options["keep_unknown"])
    return with_names(guessed, targets, options["clear_empty"])


def _bucket(wanted: str) -> Bucket:
    bucket = Bucket.objects.present().filter(name=wanted).first()
    if bucket is None and wanted.isdecimal():
        bucket = Bucket.objects.present().filter(pk=wanted).first()
    if bucket is None:
        names = ", ".join(f"{b.pk} {b.name}" for b in Bucket.objects.present()[:20])
        raise CommandError(f"No bucket '{wanted}'. There are: {names}.")
    return bucket
