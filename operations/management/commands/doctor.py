"""``manage.py doctor``: finds what does not fit together, explains it, and mends it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.media_analysis import AudioRefused
from operations.doctor import examine
from operations.findings import Finding
from recognition.errors import RecognitionError


class Command(BaseCommand):
    """Exits 1 while something is left that is not as it should be."""

    help = "Look for lost and stray files, index drift, stuck work, unreadable keys."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--fix", action="store_true", help="Mend what can be mended."
        )
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="(default: text)"
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Tell, mend where asked to, and count what is left."""
        left = 0
        for finding in examine():
            mended = options["fix"] and self._mend(finding)
            left += not mended
            self.stdout.write(_line(finding, mended=mended, form=options["format"]))
        if left:
            raise CommandError(f"{left} findings are left.")
        if options["format"] == "text":
            self.stdout.write("All fits together.")

    def _mend(self, finding: Finding) -> bool:
        """Tell whether it is mended; what hinders one is told, and the next is tried."""
        if finding.mend is None:
            return False
        try:
            finding.mend()
        except (RecognitionError, AudioRefused, OSError) as error:
            self.stderr.write(f"{finding.problem}: not mended: {error}")
            return False
        return True


def _line(finding: Finding, *, mended: bool, form: str) -> str:
    if form == "json":
        told = {
            "check": finding.check,
            "problem": finding.problem,
            "remedy": finding.remedy,
            "mended": mended,
        }
        return json.dumps(told, ensure_ascii=False)
    end = "Mended." if mended else finding.remedy
    return f"{finding.check}: {finding.problem}. {end}"
