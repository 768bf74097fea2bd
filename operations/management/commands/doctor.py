"""``manage.py doctor``: find, explain and repair inconsistencies."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.media_analysis import AudioRefused
from base.common.phrases import count_noun
from operations.doctor import examine
from operations.findings import DoctorFinding
from recognition.errors import RecognitionError


class Command(BaseCommand):
    """Exits with 1 while a problem remains."""

    help = "Find lost and stray files, index drift, stuck jobs and unreadable keys."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--fix", action="store_true", help="Repair what can be repaired.")
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="(default: text)"
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Print each problem, repair it if asked to, and count those that remain."""
        remaining = 0
        for finding in examine():
            mended = options["fix"] and self._mend(finding)
            remaining += not mended
            if options["format"] == "json":
                details = {
                    "check": finding.check,
                    "problem": finding.problem,
                    "remedy": finding.remedy,
                    "mended": mended,
                }
                self.stdout.write(json.dumps(details, ensure_ascii=False))
                continue
            end = "Repaired." if mended else finding.remedy
            self.stdout.write(f"{finding.check}: {finding.problem}. {end}")
        if remaining:
            raise CommandError(f"{count_noun(remaining, 'problem')} not repaired.")
        if options["format"] == "text":
            self.stdout.write("No problems found.")

    def _mend(self, finding: DoctorFinding) -> bool:
        """Repair a problem if possible; report a failure and continue."""
        if finding.mend is None:
            return False
        try:
            finding.mend()
        except (RecognitionError, AudioRefused, OSError) as error:
            self.stderr.write(f"{finding.problem}: not repaired: {error}")
            return False
        return True
