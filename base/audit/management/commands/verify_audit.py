"""``manage.py verify_audit``: check that the audit trail is unchanged."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.audit.anchors import first_false_anchor
from base.audit.chains import ChainFault, Line, first_fault, line_of, read_json_lines
from base.audit.expected import missing_events
from base.audit.models import Anchor, Event
from base.common.file_faults import reason_of
from base.common.phrases import count_noun


class Command(BaseCommand):
    """Checks all chains and anchors in the database, or the chains of an export."""

    help = (
        "Check that no event of the audit trail was changed, deleted, inserted or moved, "
        "and that what must have events has some. Exits with 1 if a check fails or there "
        "is nothing to check."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--case", help="Only this case, such as match:m_….")
        parser.add_argument("--file", type=Path, help="Check an exported file; needs no database.")
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            metavar="DAY=HASH",
            help="An anchor that you stored elsewhere; repeatable.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Report every broken chain, then every broken anchor."""
        file: Path | None = options["file"]
        try:
            if file:
                lines = _lines_of(file)
            else:
                events = Event.objects.order_by("case", "sequence")
                if options["case"] is not None:
                    events = events.filter(case=options["case"])
                lines = map(line_of, events.iterator(chunk_size=2000))
            faults = self._check(lines)
        except OSError as error:
            raise CommandError(f"{file} cannot be checked: {reason_of(error)}.") from error
        except ValueError as error:
            raise CommandError(f"{file} cannot be checked: {error}") from error
        # Anchors cover all chains, so they can only be checked with all of them.
        if file is None and options["case"] is None:
            faults += filter(None, [first_false_anchor()])
            faults += missing_events()
            self.stdout.write(count_noun(Anchor.objects.count(), "anchor"))
        faults += _other_anchors(options["anchor"])
        for fault in faults:
            self.stderr.write(str(fault))
        if faults:
            sys.exit(1)
        self.stdout.write("The audit trail is intact.")

    def _check(self, lines: Iterator[Line]) -> list[ChainFault]:
        faults: list[ChainFault] = []
        cases = events = 0
        for _case, chain in groupby(lines, key=lambda line: line["case"]):
            events_of_case = list(chain)
            cases += 1
            events += len(events_of_case)
            if (fault := first_fault(events_of_case)) is not None:
                faults.append(fault)
        self.stdout.write(f"{count_noun(events, 'event')} in {count_noun(cases, 'chain')}")
        if not events:
            faults.append(ChainFault("audit trail", 0, "there are no events to check"))
        return faults


def _lines_of(path: Path) -> Iterator[Line]:
    with path.open(encoding="utf-8") as source:
        yield from read_json_lines(source)


def _other_anchors(anchors: list[str]) -> Iterator[ChainFault]:
    for text in anchors:
        day_text, _, expected = text.partition("=")
        try:
            day = date.fromisoformat(day_text)
        except ValueError as error:
            raise CommandError(f"--anchor {text}: {error}.") from error
        anchor = Anchor.objects.filter(day=day).first()
        if anchor is None:
            yield ChainFault("anchor", 0, f"the anchor of {day} is missing")
        elif anchor.hash != expected:
            yield ChainFault("anchor", anchor.pk, f"{day} has {anchor.hash}, you expect {expected}")
