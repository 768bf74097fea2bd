"""``manage.py dedup``: find duplicates and update their groups.

Compares only recordings that are new since the last run; a stopped run continues.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from base.common.phrases import count_noun
from catalogue.models import Bucket, Recording
from catalogue.selectors import searchable_buckets
from dedup.grouping import GroupPlace
from dedup.services import DedupRun, find_duplicates

_SAY_EVERY = 10  # seconds


class Command(BaseCommand):
    """Runs ``dedup.services`` bucket by bucket and prints the results."""

    help = "Find recordings that share sound: copies, versions, overlaps, loops."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--bucket", default="", help="name or number of one bucket")
        parser.add_argument(
            "--dry-run", action="store_true", help="print what is found, write nothing"
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Check each bucket and print the results."""
        runs = [
            find_duplicates(
                bucket=bucket, dry_run=options["dry_run"], watch=_Progress(self, str(bucket))
            )
            for bucket in _buckets(options["bucket"])
        ]
        if options["format"] == "json":
            self.stdout.write(json.dumps([_as_json(run) for run in runs], indent=2))
            return
        for run in runs:
            self.stdout.write(
                f"{run.bucket}: {count_noun(run.recordings, 'recording')}, "
                f"{count_noun(run.pairs_compared, 'pair')} compared, "
                f"{count_noun(len(run.groups), 'group')}, "
                f"{count_noun(len(run.families), 'version family', 'version families')}, "
                f"{count_noun(run.loops, 'shared loop')}"
            )
            names = _recordings(run)
            for number, group in enumerate(run.groups, start=1):
                for place in group:
                    kind = place.kind or "canonical"
                    name = names[place.recording]
                    self.stdout.write(f"  {number}  {kind:10}  {name}")
            self.stdout.write(
                "  Nothing was written."
                if options["dry_run"]
                else f"  {run.created} created, {run.changed} changed, {run.removed} removed."
            )


class _Progress:
    """Prints to stderr, every few seconds, how far a check is and how long it may take."""

    def __init__(self, command: BaseCommand, name: str) -> None:
        self._err, self._name = command.stderr, name
        self._total = self._done = 0
        self._began = self._printed = time.monotonic()

    def begin(self, total: int) -> None:
        """Set the number of recordings to compare."""
        self._total = total

    def step(self, compared: int | None) -> None:
        """Count a recording; print every ten seconds."""
        self._done += 1
        now = time.monotonic()
        if now - self._printed < _SAY_EVERY:
            return
        self._printed = now
        remaining_s = (now - self._began) / self._done * (self._total - self._done)
        self._err.write(
            f"{self._name}: {self._done} of {self._total} compared, "
            f"about {remaining_s / 60:.0f} min left"
        )


def _buckets(text: str) -> QuerySet[Bucket]:
    if not text:
        return searchable_buckets()
    by_number = text.isascii() and text.isdigit()
    buckets = Bucket.objects.present().filter(**{"pk" if by_number else "name": text})
    if not buckets:
        raise CommandError(f"There is no bucket {text}.")
    return buckets


def _recordings(run: DedupRun) -> dict[int, Recording]:
    pks = [place.recording for group in run.groups for place in group]
    return Recording.objects.in_bulk(pks)


def _as_json(run: DedupRun) -> dict[str, object]:
    recordings = _recordings(run)

    def member(place: GroupPlace) -> dict[str, object]:
        recording = recordings[place.recording]
        return {
            "recording_id": recording.uid,
            "custom_id": recording.custom_id,
            "title": recording.title,
            "kind": place.kind or None,
            "linked_to": recordings[place.linked_to].uid if place.linked_to else None,
        }

    return {
        "bucket": {"id": run.bucket.pk, "name": run.bucket.name},
        "recordings": run.recordings,
        "pairs_compared": run.pairs_compared,
        "created": run.created,
        "changed": run.changed,
        "removed": run.removed,
        "version_families": len(run.families),
        "shared_loops": run.loops,
        "groups": [[member(place) for place in group] for group in run.groups],
    }
