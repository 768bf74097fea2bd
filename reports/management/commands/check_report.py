"""``manage.py check_report``: check stored reports against their hashes."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.phrases import count_noun
from reports.choices import RunState
from reports.files import check_run
from reports.models import ReportRun


class Command(BaseCommand):
    """Reads all files of stored reports; exits with 1 if one has changed."""

    help = "Check all or given reports against the hashes stored with them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("reports", nargs="*", help="ids of reports (default: all)")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Check the reports in order."""
        runs = ReportRun.objects.filter(state=RunState.READY).order_by("pk")
        if options["reports"]:
            runs = runs.filter(uid__in=options["reports"])
            unknown = set(options["reports"]) - set(runs.values_list("uid", flat=True))
            if unknown:
                raise CommandError(f"No finished report: {', '.join(sorted(unknown))}.")
        results = [
            {"report": run.uid, "file": check.name, "fault": check.fault}
            for run in runs.iterator()
            for check in check_run(run=run)
        ]
        faults = [check for check in results if check["fault"]]
        if options["format"] == "json":
            self.stdout.write(json.dumps(results))
        else:
            for fault in faults:
                self.stdout.write("{report} {file}: {fault}".format(**fault))
            self.stdout.write(
                f"{count_noun(len(results), 'file')} read, {len(faults)} changed or missing."
                if results
                else "There is nothing to check: no finished report has a file."
            )
        if faults:
            raise CommandError(f"{count_noun(len(faults), 'file')} changed or missing.")
