"""``manage.py retention``: show the next deletions; deletes nothing itself."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand

from base.common.phrases import count_noun
from operations.retention import outlook


class Command(BaseCommand):
    """Prints each rule with its next deletions; the worker deletes."""

    help = "Show the retention rules and what they delete in the coming days."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--days", type=int, default=30, help="Days to look ahead (default: 30)."
        )
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="(default: text)"
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Print each rule."""
        by = datetime.now(tz=UTC) + timedelta(days=options["days"])
        for rule in outlook(by=by):
            if options["format"] == "json":
                details = asdict(rule) | {"label": str(rule.label)}
                self.stdout.write(json.dumps(details, ensure_ascii=False))
                continue
            name = f"{rule.label}: {rule.of}" if rule.of else rule.label
            when = f"after {count_noun(rule.days, 'day')}" if rule.days else "never"
            if rule.days is None:
                when = "once scanned"
            size = f", {rule.size_bytes / 1e6:.1f} MB" if rule.size_bytes else ""
            self.stdout.write(f"{name} ({when}): {rule.count}{size}")
