"""``manage.py undo_import ID``: undo a whole import of any kind."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError

import base.audit.services
from base.accounts.management.finding import find_user
from base.common.phrases import count_noun
from imports.models import ImportStep
from imports.undoing.steps import undo_import


class Command(BaseCommand):
    """Undoes an import, and names what stays."""

    help = (
        "Undo an import by the id that its page's address or its command shows. What "
        "changed since stays and is named. Safe to run again."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("id", help="such as wi_01J9Z6W0K4")
        parser.add_argument("--username", required=True, help="who undoes it, for the audit trail")
        parser.add_argument("--dry-run", action="store_true", help="only say what would stay")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Undo it and print the counts."""
        uid, dry = options["id"], options["dry_run"]
        user = find_user(options["username"])
        if not ImportStep.objects.filter(import_uid=uid).exists():
            raise CommandError(f"No import {uid} has changed anything here.")
        try:
            summary = undo_import(uid, user=user, dry=dry)
        except PermissionDenied as refused:
            raise CommandError(str(refused)) from refused
        if not dry and summary.steps:
            base.audit.services.record(
                case=f"import:{uid}",
                action="import.undone",
                actor=user,
                after={"undone": summary.undone, "kept": summary.kept},
            )
        for row in [*summary.stays, *summary.notes]:
            self.stdout.write(f"{row['case']} ({row['name']}): {row['why']}")
        self.stdout.write(
            f"{count_noun(summary.steps, 'change')}: {summary.undone} undone, "
            f"{summary.kept} kept." + (" Dry run: nothing was written." if dry else "")
        )
