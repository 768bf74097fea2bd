"""What pages and other packages read of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import reduce
from operator import or_

from django.db.models import Count, Q, QuerySet

from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    ExcludedSegment,
    Recording,
    RecordingStatus,
)


def buckets_with_counts() -> QuerySet[Bucket]:
    """Return buckets with how many recordings they hold, can search, or cannot use."""
    return Bucket.objects.annotate(
        recording_count=Count("recordings"),
        ready_count=Count(
            "recordings", filter=Q(recordings__status=RecordingStatus.READY)
        ),
        problem_count=Count(
            "recordings", filter=Q(recordings__status=RecordingStatus.ERROR)
        ),
    ).order_by("name")


def searchable_buckets() -> QuerySet[Bucket]:
    """Return the buckets that hold recordings of ours."""
    return Bucket.objects.exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID).order_by("name")


def search_recordings(*, text: str = "") -> QuerySet[Recording]:
    """Return recordings whose title, artist or code holds ``text``."""
    rows = Recording.objects.select_related("bucket")
    if not text:
        return rows
    return rows.filter(
        Q(title__icontains=text)
        | artists_hold(text)
        | Q(isrc_normalised__iexact=text.replace("-", ""))
        | Q(custom_id__iexact=text)
        | Q(uid=text)
        | Q(acr_id=text)
    )


def artists_hold(text: str, *, path: str = "") -> Q:
    """Return the condition that a recording's artists hold ``text``.

    ``path`` leads to the recording, as ``recording__`` does.
    """
    # SQLite keeps JSON as text in which only ASCII stands as itself.
    written = dict.fromkeys((text, json.dumps(text)[1:-1]))
    return reduce(or_, (Q((f"{path}artists__icontains", one)) for one in written))


def with_merged(recording: Recording) -> set[int]:
    """Return the keys of a recording and of all that were merged into it."""
    found, latest = {recording.pk}, {recording.pk}
    while latest:
        merged = Recording.objects.filter(merged_into__in=latest)
        latest = set(merged.values_list("pk", flat=True)) - found
        found |= latest
    return found


def standing_for(recordings: QuerySet[Recording]) -> dict[int, int]:
    """Return by key which recording each of these was merged into in the end."""
    merged = recordings.filter(merged_into__isnull=False)
    return {each.pk: each.stands_for_it.pk for each in merged}


def excluded_segments(recording: Recording) -> QuerySet[ExcludedSegment]:
    """Return the stretches of the recording that are excluded or proposed to be."""
    return recording.excluded_segments.filter(removed_at__isnull=True).select_related(
        "created_by"
    )


def excluded_spans_of(recordings: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """Return the excluded stretches of many recordings by key, with one query."""
    rows = ExcludedSegment.objects.filter(
        recording__in=list(recordings), approved=True, removed_at__isnull=True
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for key, start, end in rows.values_list("recording_id", "start_ms", "end_ms"):
        found.setdefault(key, []).append((start, end))
    return found


def excluded_spans(recording: Recording) -> list[tuple[int, int]]:
    """Return start and end of every stretch that raises no match."""
    rows = excluded_segments(recording).filter(approved=True)
    return list(rows.values_list("start_ms", "end_ms"))
