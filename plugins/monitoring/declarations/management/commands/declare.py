"""``manage.py declare``: write a declaration, or list its missing values."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import path_and_reason
from base.common.phrases import count_noun
from base.common.uid import new_uid
from plugins.monitoring.declarations import services
from plugins.monitoring.declarations.manifest import UNDECLARED_NAME, declaration_manifest
from plugins.monitoring.declarations.models import Declaration, DeclarationProfile
from plugins.monitoring.declarations.services import DeclarationRefused
from reports.files import as_json
from reports.stored_rows import content_of

_ACTOR = "command:declare"


class Command(BaseCommand):
    """Keeps the declaration as the portal does, and copies its file to a folder."""

    help = "Declare what the stations of a profile broadcast in a period."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("profile", help="name or id of the profile")
        parser.add_argument("--from", dest="begins", required=True, type=date.fromisoformat)
        parser.add_argument("--until", dest="ends", required=True, type=date.fromisoformat)
        parser.add_argument("--replaces", default="", help="id of the declaration that it corrects")
        parser.add_argument("--out", required=True, type=Path, help="the folder to write to")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Declare, and print the totals or the missing values."""
        profiles = DeclarationProfile.objects
        profile = (
            profiles.filter(name=options["profile"]).first()
            or profiles.filter(uid=options["profile"]).first()
        )
        if profile is None:
            raise CommandError(f"There is no profile “{options['profile']}”.")
        replaces = None
        if options["replaces"]:
            replaces = Declaration.objects.filter(uid=options["replaces"]).first()
            if replaces is None:
                raise CommandError(f"There is no declaration {options['replaces']}.")
        declaration = services.draft(
            profile=profile,
            begins=options["begins"],
            ends=options["ends"],
            user=_ACTOR,
            replaces=replaces,
        )
        try:
            services.declare_now(declaration)
        except DeclarationRefused as refused:
            for gap in declaration.gaps:
                self.stderr.write(f"{gap['name']}: {gap['cell']}: {gap['why']}")
            raise CommandError(str(refused)) from refused
        for doubt in declaration.counts.get("doubts", ()):
            self.stderr.write(doubt["text"])
        folder: Path = options["out"]
        try:
            self._save(declaration, folder)
        except OSError as fault:
            because = path_and_reason(fault)
            raise CommandError(f"{folder} could not be written: {because}.") from fault
        self.stdout.write(
            f"{folder / declaration.file_name}: {count_noun(declaration.play_count, 'play')}, "
            f"{declaration.undeclared_count} not declared, SHA-256 {declaration.sha256}"
        )

    def _save(self, declaration: Declaration, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = declaration.file_name
        contents = {
            name: services.download(declaration=declaration, user=_ACTOR),
            f"{name}.{UNDECLARED_NAME}": content_of(declaration.undeclared),
            f"{name}.manifest.json": iter([as_json(declaration_manifest(declaration))]),
        }
        for target, pieces in contents.items():
            partial = folder / f".{new_uid('p')}"
            try:
                with partial.open("wb") as file:
                    file.writelines(pieces)
                partial.replace(folder / target)
            finally:
                partial.unlink(missing_ok=True)
