"""``manage.py check_index``: print the contents of the landmark index and check it."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from base.common.phrases import count_noun
from catalogue import following, partitions
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.partitions import Partition
from recognition.errors import RecognitionError


class Command(BaseCommand):
    """Reads every page of the index; changes nothing without ``--compact``."""

    help = "Print the contents of the index, check it, and compare it with the catalogue."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument(
            "--compact",
            action="store_true",
            help="Merge segments and free the space of removed recordings.",
        )

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Check bucket by bucket; exit 1 if one is damaged or incomplete."""
        faults, buckets = 0, list(Bucket.objects.present().order_by("pk"))
        if not buckets or not partitions.held():
            self.stdout.write("There is nothing to check: no bucket, or no partition.")
        for partition in partitions.held():
            for bucket in buckets:
                try:
                    faults += self._check(bucket, partition, compact=options["compact"])
                except RecognitionError as error:
                    faults += 1
                    self.stderr.write(f"{bucket.name}: {error}")
        if faults:
            raise CommandError("Repair the index with: manage.py rebuild_index")

    def _check(self, bucket: Bucket, partition: Partition, *, compact: bool) -> int:
        index = following.open_partition(partition)
        if compact:
            index.maintain(bucket.pk)
        problems = index.verify(bucket.pk)
        for problem in problems:
            self.stderr.write(f"{bucket.name}: {problem}")
        if problems:
            return len(problems)
        stats = index.stats(bucket.pk)
        self.stdout.write(
            f"{bucket.name}: {count_noun(stats.recordings, 'recording')}, "
            f"{count_noun(stats.postings, 'posting')}, "
            f"{stats.size_bytes} bytes in {count_noun(stats.segments, 'segment')}"
        )
        indexed = set(index.recordings(bucket.pk).tolist())
        ready = Recording.objects.filter(bucket=bucket, status=RecordingStatus.READY)
        expected = filter(partition.holds, ready.values_list("pk", flat=True))
        missing = set(expected) - indexed
        if missing:
            self.stderr.write(
                f"{bucket.name}: {count_noun(len(missing), 'recording')} missing from the index"
            )
        return int(bool(missing))
