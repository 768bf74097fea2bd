"""``manage.py erase_person``: replaces a person's name by a pseudonym."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.accounts.management.finding import find_user
from web.portal.accounts.erasure import ErasureRefused, erase, preview


class Command(BaseCommand):
    """Counts the rows that erasing a person changes; erases with ``--yes``."""

    help = "Show what erasing a person's data affects; erase it permanently with --yes."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("username")
        parser.add_argument("--yes", action="store_true", help="Erase; this is final.")

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Print the counts; erase first if ``--yes`` is given."""
        person = find_user(options["username"])
        if options["yes"]:
            try:
                erasure = erase(person=person, actor="command:erase_person")
            except ErasureRefused as refused:
                raise CommandError(str(refused)) from refused
        else:
            erasure = preview(person=person)
        for name, value in asdict(erasure).items():
            self.stdout.write(f"{name.replace('_', ' ')}: {value}")
        if not options["yes"]:
            self.stdout.write("Nothing was changed. Add --yes to erase.")
