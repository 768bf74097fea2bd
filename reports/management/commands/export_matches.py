"""Writes the match report to a file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.uid import new_uid
from reports.services import ReportCounts, write_match_report
from review.choices import MatchState
from review.filters import MatchFilter
from scanning.models import Container


class Command(BaseCommand):
    """Parses, writes through ``reports.services``, prints the counts."""

    help = "Write the match report: one row per match and per file without one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--output", required=True, type=Path, help="the file to write"
        )
        parser.add_argument(
            "--container", default="", help="name or number of one container"
        )
        parser.add_argument(
            "--state",
            action="append",
            default=[],
            choices=MatchState.values,
            help="matches of this state only; may be given more than once",
        )
        parser.add_argument("--format", choices=["csv"], default="csv")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Write to a file beside the target first, so that none is ever partial."""
        filters = MatchFilter(
            states=tuple(options["state"]), container=_container(options["container"])
        )
        output: Path = options["output"]
        try:
            counts = _write(output, filters)
        except OSError as fault:
            raise CommandError(f"{output} could not be written: {fault}") from fault
        rows = ", ".join(
            f"{count} {kind}" for kind, count in sorted(counts.rows.items())
        )
        self.stdout.write(
            f"{output}: {counts.rows.total()} rows ({rows or 'none'}), "
            f"{counts.size_bytes} bytes, SHA-256 {counts.sha256}"
        )


def _write(output: Path, filters: MatchFilter) -> ReportCounts:
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.{new_uid('p')}")
    try:
        with partial.open("wb") as file:
            counts = write_match_report(
                filters=filters, target=file, actor="command:export_matches"
            )
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return counts


def _container(text: str) -> int | None:
    if not text:
        return None
    by_number = (
        {"pk": int(text)} if text.isascii() and text.isdigit() else {"name": text}
    )
    found = list(Container.objects.filter(**by_number)[:2])
    if len(found) != 1:
        what = "is not known" if not found else "is the name of several"
        raise CommandError(f"Container {text} {what}; give its number.")
    return found[0].pk
