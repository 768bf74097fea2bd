"""``manage.py scan_file``: submits files to a container."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError

from base.accounts.models import User
from base.common.file_faults import reason_of
from scanning.errors import IntakeRefused
from scanning.models import Container
from scanning.services.intake import submit_upload


class Command(BaseCommand):
    """Submits files for scanning; a worker scans them."""

    help = "Submit audio files to a container; a running worker scans them."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--container", required=True, help="Its id or name.")
        parser.add_argument("--username", help="The submitter, for the audit trail.")
        parser.add_argument("--source-url", default="", help="Where the file is on the web.")
        parser.add_argument(
            "--scan-again",
            action="store_true",
            help="Scan a file again although the container holds the same bytes.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Submit each file; continue after a refused one."""
        container = _find_container(options["container"])
        username = options["username"]
        user = User.objects.filter(username=username).first()
        if username is not None and user is None:
            raise CommandError(f"No user '{username}'.")
        if options["source_url"] and len(options["files"]) > 1:
            raise CommandError("--source-url is the address of one file. Submit them one by one.")
        refused = 0
        for path in options["files"]:
            try:
                with path.open("rb") as handle:
                    taken = submit_upload(
                        container=container,
                        upload=File(handle, name=path.name),
                        user=user,
                        details={"source_url": options["source_url"]},
                        scan_again=options["scan_again"],
                    )
            except (IntakeRefused, OSError) as error:
                refused += 1
                cause = reason_of(error) if isinstance(error, OSError) else error
                self.stderr.write(f"{path}: {cause}")
                continue
            note = "seen before" if taken.seen_before else "queued"
            self.stdout.write(f"{taken.scanned_file.uid}\t{note}\t{path}")
        if refused:
            raise CommandError(f"Files refused: {refused} of {len(options['files'])}")


def _find_container(name_or_key: str) -> Container:
    by_name = Container.objects.present().filter(name=name_or_key).first()
    if by_name is not None:
        return by_name
    if name_or_key.isdigit() and (
        by_key := Container.objects.present().filter(pk=name_or_key).first()
    ):
        return by_key
    names = ", ".join(f"{c.pk} {c.name}" for c in Container.objects.present()[:20])
    raise CommandError(f"No container '{name_or_key}'. There are: {names or 'none'}.")
