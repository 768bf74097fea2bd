"""Which recordings may be duplicates of each other, and which groups there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from django.db.models import QuerySet

from catalogue.models import Bucket, Recording, RecordingStatus
from dedup.grouping import Link
from dedup.models import DedupGroup, DedupMember, DuplicateKind


def recordings_to_compare(*, bucket: Bucket) -> QuerySet[Recording]:
    """Return the searchable recordings of a bucket."""
    return bucket.recordings.filter(status=RecordingStatus.READY).order_by("pk")


def groups_of_bucket(*, bucket: Bucket) -> QuerySet[DedupGroup]:
    """Return the groups with a member in the bucket, oldest first."""
    members = DedupMember.objects.filter(recording__bucket=bucket)
    groups = DedupGroup.objects.filter(pk__in=members.values("group"))
    return groups.order_by("pk").prefetch_related("members")


def exact_links(recordings: Iterable[Recording]) -> list[Link]:
    """Return a chain of links through the recordings with the same bytes."""
    same: dict[tuple[str, int], list[int]] = defaultdict(list)
    for recording in recordings:
        if recording.audio_sha256:
            same[recording.audio_sha256, recording.audio_bytes].append(recording.pk)
    return [
        Link(one, other, DuplicateKind.EXACT_FILE)
        for pks in same.values()
        for one, other in pairwise(pks)
    ]
