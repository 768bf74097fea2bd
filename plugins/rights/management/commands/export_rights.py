"""``manage.py export_rights``: write a source's claims as a table of rights."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.file_faults import path_and_reason
from base.common.uid import new_uid
from plugins.rights import exporting


class Command(BaseCommand):
    """Writes the table through a temporary file, so that none is ever partial."""

    help = "Write the shares that a source claims, one per line, as CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's arguments."""
        parser.add_argument("source", help="name of the source, as shown on the pages of works")
        parser.add_argument("--output", required=True, type=Path, help="the .csv file to write")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Write the table and say where it is."""
        output: Path = options["output"]
        source: str = options["source"]
        sources = exporting.sources()
        if source not in sources:
            names = ", ".join(f"'{name}'" for name in sources) or "none yet"
            raise CommandError(f"No source is called '{source}'. Sources: {names}.")
        partial = output.with_name(f".{output.name}.{new_uid('p')}")
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as target:
                target.writelines(exporting.as_csv(source=source, user="command:export_rights"))
            partial.replace(output)
        except OSError as fault:
            because = path_and_reason(fault)
            raise CommandError(f"{output} could not be written: {because}.") from fault
        finally:
            partial.unlink(missing_ok=True)
        self.stdout.write(f"{output}: the shares that '{source}' claims")
