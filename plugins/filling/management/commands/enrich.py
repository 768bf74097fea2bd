"""``manage.py enrich``: fills in missing metadata from open data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.accounts.management.finding import find_user
from base.common.phrases import count_noun
from base.common.uid import new_uid
from base.jobs.errors import Failed
from base.jobs.runner import here
from base.jobs.services import begin_here
from catalogue.management.finding import find_bucket
from catalogue.models import Bucket
from plugins.filling import deciding, selectors, sources, suggesting
from plugins.filling.choices import FillField
from plugins.filling.errors import EnrichmentRefused
from plugins.filling.jobs import READ_SOURCE
from plugins.filling.models import SafeMark, Suggestion
from plugins.filling.open_data.kinds import source_kinds
from plugins.filling.reading import run as read_source


class Command(BaseCommand):
    """Reads open data, searches in it, accepts what is safe, and undoes that."""

    help = "Fill in missing ISRCs, ISWCs, labels, UPCs and release dates from open data."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add a subcommand for each step."""
        steps = parser.add_subparsers(dest="step", required=True)
        read = steps.add_parser("read", help="read a dump or a list of your own")
        read.add_argument("file", type=Path)
        read.add_argument("--kind", choices=sorted(source_kinds()), required=True)
        read.add_argument("--name", default="", help="its name on pages")
        read.add_argument("--accept-licence", action="store_true", help="accept its licence")
        read.add_argument("--username", help="who accepts, for the audit trail")
        match = steps.add_parser("match", help="search for what recordings lack")
        match.add_argument("--bucket", help="its id or name; all if left out")
        accept = steps.add_parser("accept", help="accept what is above the safe mark")
        accept.add_argument("--field", choices=FillField.values, required=True)
        accept.add_argument("--bucket", help="its id or name; all if left out")
        accept.add_argument("--dry-run", action="store_true", help="only count them")
        accept.add_argument("--username", required=True, help="for the audit trail")
        undo = steps.add_parser("undo", help="take back what an act accepted")
        undo.add_argument("act", help="such as fa_01J9Z6W0K4, which accept prints")
        undo.add_argument("--username", required=True, help="for the audit trail")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Do one step; exit with status 1 if it is refused."""
        steps = {
            "read": self._read,
            "match": self._match,
            "accept": self._accept,
            "undo": self._undo,
        }
        try:
            steps[options["step"]](options)
        except EnrichmentRefused as refused:
            raise CommandError(str(refused)) from refused

    def _read(self, options: dict[str, Any]) -> None:  # Any: as above
        user = find_user(options["username"]) if options["username"] else None
        source = sources.add_source(
            kind=options["kind"],
            path=options["file"],
            name=options["name"],
            accepts_licence=options["accept_licence"],
            user=user,
        )
        try:
            with here(begin_here(READ_SOURCE, source, user=user)) as context:
                read_source(context)
        except Failed as failed:
            sources.delete_source(source=source, user=user)
            raise CommandError(failed.cause) from failed
        source.refresh_from_db()
        self.stdout.write(
            f"{source.name}: {count_noun(source.rows, 'recording')} of "
            f"{source.data_date or 'an unknown date'}. Next: manage.py enrich match"
        )

    def _match(self, options: dict[str, Any]) -> None:  # Any: as above
        suggesting.match_all(bucket=_bucket(options["bucket"]))
        rows = selectors.open_suggestions()
        for mark in SafeMark.objects.all():
            here_rows = rows.filter(field=mark.field)
            safe = here_rows.filter(selectors.is_safe()).count()
            summary = f"safe from {mark.mark}: {safe}" if mark.mark else "no safe mark yet"
            self.stdout.write(
                f"{mark.get_field_display()}: {count_noun(here_rows.count(), 'suggestion')}, "
                f"{summary} (measured on {mark.known}, {mark.right} right)"
            )

    def _accept(self, options: dict[str, Any]) -> None:  # Any: as above
        user, bucket = find_user(options["username"]), _bucket(options["bucket"])
        rows = Suggestion.objects.filter(
            pk__in=selectors.open_suggestions()
            .filter(selectors.is_safe(), field=options["field"])
            .values("pk")
        )
        if bucket is not None:
            rows = rows.filter(recording__bucket=bucket)
        if options["dry_run"]:
            self.stdout.write(
                f"{count_noun(rows.count(), 'suggestion')} would be accepted. Dry run: "
                "nothing was written."
            )
            return
        act = new_uid("fa")
        rows.update(act=act)
        outcome = deciding.apply_act(act=act, user=user)
        for suggestion, why in outcome.skipped:
            self.stdout.write(f"{suggestion}: {why}")
        self.stdout.write(f"{len(outcome.done)} accepted, {len(outcome.skipped)} left.")
        if outcome.done:
            self.stdout.write(f"To undo: manage.py enrich undo {act} --username …")

    def _undo(self, options: dict[str, Any]) -> None:  # Any: as above
        outcome = deciding.undo_act(act=options["act"], user=find_user(options["username"]))
        for suggestion, why in outcome.skipped:
            self.stdout.write(f"{suggestion}: {why}")
        self.stdout.write(f"{len(outcome.done)} undone, {len(outcome.skipped)} left.")


def _bucket(name: str | None) -> Bucket | None:
    return None if name is None else find_bucket(name)
