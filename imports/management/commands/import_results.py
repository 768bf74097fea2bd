"""``manage.py import_results``: import results that ACRCloud found elsewhere."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import reason_of
from base.common.phrases import count_noun
from base.common.uid import new_uid
from imports.results.found import ResultsRefused
from imports.results.importer import ResultImporter
from imports.results.reading import read
from imports.undoing.noting import HOW_TO_UNDO, noted
from scanning.models import Container


class Command(BaseCommand):
    """Imports a file of results, or only checks it, and prints the counts."""

    help = (
        "Import ACRCloud results: a CSV from its file scan tool, or a JSON dump from "
        "its File Scanning API."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("file", type=Path, help="the CSV or JSON file")
        parser.add_argument("--container", required=True, type=int, help="number of the container")
        parser.add_argument("--dry-run", action="store_true", help="only report what would change")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Import and print the counts; invalid rows are reported and skipped."""
        path: Path = options["file"]
        container = Container.objects.present().filter(pk=options["container"]).first()
        if container is None:
            raise CommandError(f"There is no container {options['container']}.")
        uid = new_uid("ri")
        task = ResultImporter(
            container=container,
            user=None,
            source=path.name,
            dry=options["dry_run"],
            heartbeat=lambda: None,
        )
        try:
            with noted("" if options["dry_run"] else uid):
                summary = task.run(read(path, name=path.name))
        except ResultsRefused as error:
            raise CommandError(f"{path}: {error}") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {reason_of(error)}.") from error
        for fault in summary.faults:
            column = f", column {fault['column']}" if fault["column"] else ""
            self.stderr.write(f"Line {fault['line']}{column}: {fault['message']}")
        self.stdout.write(
            f"{path}: {count_noun(summary.files, 'file')}, {summary.added} new, "
            f"{summary.rescanned} "
            f"with a different result, {summary.unchanged} unchanged, {summary.refused} "
            f"refused; {count_noun(summary.recordings, 'recording')} found, {summary.without_match} "
            f"files without a match"
            + (". Dry run: nothing was written." if options["dry_run"] else ".")
        )
        if not options["dry_run"] and summary.added + summary.rescanned:
            self.stdout.write(HOW_TO_UNDO % uid)
