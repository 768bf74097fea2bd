"""``manage.py drops``: show what waits in drops, and why."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand

from scanning.choices import DropItemState
from scanning.drops import selectors
from scanning.drops.services import next_polls
from scanning.models import DropItem

_SHOWN = (DropItemState.WAITING, DropItemState.FAILED)


class Command(BaseCommand):
    """Prints each drop with its counts, and the files that wait or have failed."""

    help = "Show drops: how many files wait, were taken and failed, and why."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--most", type=int, default=20, help="Files to list per drop (default: 20)."
        )
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="(default: text)"
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Print each drop."""
        drops = list(selectors.with_counts(selectors.drops()).order_by("name", "pk"))
        due = next_polls(drops)
        for drop in drops:
            rows = selectors.items_of(drop).filter(state__in=_SHOWN).order_by("pk")
            items = list(rows[: max(0, options["most"])])
            if options["format"] == "json":
                next_at = due.get(drop.pk)
                facts = _facts_of(drop) | {"next_poll_at": next_at and next_at.isoformat()}
                facts["files"] = [
                    {
                        "path": item.path,
                        "state": item.state.removeprefix("drop_"),
                        "reason": item.message,
                    }
                    for item in items
                ]
                self.stdout.write(json.dumps(facts, ensure_ascii=False))
            else:
                self._print(_facts_of(drop), items)
        if not drops and options["format"] == "text":
            self.stdout.write("There are no drops.")

    def _print(self, facts: Mapping[str, object], items: list[DropItem]) -> None:
        state = "on" if facts["enabled"] else "paused"
        self.stdout.write(
            f"{facts['name']} ({facts['place']}, {state}): {facts['waiting']} waiting, "
            f"{facts['taken']} taken, {facts['failed']} failed"
        )
        for fault in (facts["last_error"], facts["notice"]):
            if fault:
                self.stdout.write(f"  ! {fault}")
        for item in items:
            word = "failed" if item.state == DropItemState.FAILED else "waiting"
            why = item.message or "until the file stays unchanged for two polls"
            self.stdout.write(f"  {word}: {item.path}: {why}")


def _facts_of(drop: Any) -> dict[str, object]:  # Any: carries annotations
    names = ("uid", "name", "place", "enabled", "waiting", "taken", "failed")
    return {name: getattr(drop, name) for name in (*names, "last_error", "notice")}
