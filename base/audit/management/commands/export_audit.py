"""``manage.py export_audit``: export the audit trail as JSON Lines."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from base.audit.chains import anchor_line, as_json_line, line_of
from base.audit.models import Anchor, Event


class Command(BaseCommand):
    """Writes events or anchors to standard output."""

    help = "Write the audit trail, or its daily anchors, as JSON Lines."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--case", help="Only this case, such as match:m_….")
        parser.add_argument(
            "--anchors",
            action="store_true",
            help="Export the anchors; store them where the portal cannot write.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Write one line per event or anchor, chain by chain."""
        if options["anchors"]:
            for anchor in Anchor.objects.order_by("day").iterator():
                self.stdout.write(as_json_line(anchor_line(anchor)), ending="")
            return
        events = Event.objects.order_by("case", "sequence")
        if options["case"] is not None:
            events = events.filter(case=options["case"])
        for event in events.iterator(chunk_size=2000):
            self.stdout.write(as_json_line(line_of(event)), ending="")
