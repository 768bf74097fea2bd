"""Read access to the catalogue for pages and other packages."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from operator import or_

from django.db.models import Case, Count, F, Q, QuerySet, Sum, When
from django.db.models.expressions import Combinable

from base.accounts.reach import seen_buckets
from catalogue.identifiers import check_isrc
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket, Exclusion, Recording, RecordingStatus


def buckets_with_counts() -> QuerySet[Bucket]:
    """Return buckets with counts of their recordings: all, found by scans, and not."""
    return (
        Bucket.objects.present()
        .annotate(
            recording_count=Count("recordings"),
            ready_count=Count(
                "recordings",
                filter=Q(
                    recordings__status=RecordingStatus.READY, recordings__too_little_sound=False
                ),
            ),
            unfindable_count=Count("recordings", filter=cannot_be_found("recordings__")),
        )
        .order_by("name")
    )


def searchable_buckets() -> QuerySet[Bucket]:
    """Return the buckets with our own recordings."""
    return Bucket.objects.present().exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID).order_by("name")


def cannot_be_found(path: str = "") -> Q:
    """Return the condition that scans cannot find a recording of ours.

    Stubs are not ours: a cloud engine finds them. ``path`` is the lookup prefix that
    leads to the recording.
    """
    failed = Q((f"{path}status", RecordingStatus.ERROR))
    silent = Q((f"{path}status", RecordingStatus.READY), (f"{path}too_little_sound", True))
    return failed | silent


def hours_in(bucket_id: int) -> float:
    """Return how many hours the searchable recordings of a bucket last together."""
    ready = Recording.objects.filter(bucket=bucket_id, status=RecordingStatus.READY)
    return (ready.aggregate(all=Sum("duration_ms"))["all"] or 0) / 3_600_000


def search_recordings(*, text: str = "") -> QuerySet[Recording]:
    """Return recordings whose title, artist or code matches ``text``."""
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


def keys_beyond_labels(
    named: Iterable[tuple[int, Collection[str]]], buckets: Collection[int]
) -> Iterator[int]:
    """Yield the keys of rules that name a label which no recording of the buckets has."""
    rules = list(named)
    if not rules:
        return
    rows = Recording.objects.filter(bucket__in=buckets).exclude(label="").order_by()
    seen = {label.casefold() for label in rows.values_list("label", flat=True).distinct()}
    yield from (
        key for key, labels in rules if not seen.issuperset(label.casefold() for label in labels)
    )


def own_recording_with_isrc(isrc: str) -> Recording | None:
    """Return our recording with this ISRC; the oldest if several have it."""
    normalised = check_isrc(isrc).normalised
    if not normalised:
        return None
    return (
        Recording.objects.filter(isrc_normalised=normalised, status=RecordingStatus.READY)
        .order_by("pk")
        .first()
    )


def list_holds(column: str, text: str) -> Q:
    """Return the condition that a text in a column's JSON list contains ``text``."""
    # SQLite stores JSON as text with non-ASCII characters escaped.
    written = dict.fromkeys((text, json.dumps(text)[1:-1]))
    return reduce(or_, (Q((f"{column}__icontains", spelling)) for spelling in written))


def artists_hold(text: str, *, path: str = "") -> Q:
    """Return the condition that a recording's artists contain ``text``.

    ``path`` is the lookup prefix that leads to the recording, such as ``recording__``.
    """
    return list_holds(f"{path}artists", text)


def with_merged(recording: Recording) -> set[int]:
    """Return the keys of a recording and of all recordings merged into it."""
    keys, latest = {recording.pk}, {recording.pk}
    # Merges may chain, so aliases have aliases.
    while latest:
        # In the order of their titles, SQLite would read all recordings.
        merged = Recording.objects.filter(merged_into__in=latest).order_by()
        latest = set(merged.values_list("pk", flat=True)) - keys
        keys |= latest
    return keys


def shown_for(recording: Recording) -> Recording:
    """Return the recording that this one was merged into, or itself.

    Itself too if the viewer may not see what stands for it, which may have been moved.
    """
    stays, seen = recording.stands_for_it, seen_buckets()
    return stays if seen is None or stays.bucket_id in seen else recording


def shown_column(name: str, *, path: str) -> Combinable:
    """Return a column of the recording that ``shown_for`` returns, as an expression.

    ``path`` is the lookup prefix that leads to the recording, such as ``recording__``.
    """
    own, seen = F(f"{path}{name}"), seen_buckets()
    cases = []
    for merged in _merge_paths():
        at = f"{path}{merged}"
        if seen is not None:
            hidden = ~Q((f"{at}__bucket__in", seen))
            cases.append(When(Q((f"{at}__isnull", False)) & hidden, then=own))
        cases.append(When(Q((f"{at}__isnull", False)), then=F(f"{at}__{name}")))
    return Case(*cases, default=own)


def merged_into_any(recordings: QuerySet[Recording], *, path: str) -> Q:
    """Return the condition that a recording was finally merged into one of these."""
    aliases = Recording._base_manager.filter(merged_into__isnull=False)
    # This leaves few: most recordings have nothing merged into them.
    stay = recordings.filter(merged_into=None, pk__in=aliases.order_by().values("merged_into"))
    keys = stay.order_by().values("pk")
    return reduce(or_, (Q((f"{path}{merge_path}__in", keys)) for merge_path in _merge_paths()))


def _merge_paths() -> list[str]:
    """Return the lookups from recordings to what they were merged into, longest first."""
    rows, paths = Recording._base_manager.order_by(), ["merged_into"]
    while rows.filter(**{f"{paths[0]}__merged_into__isnull": False}).exists():
        paths.insert(0, f"{paths[0]}__merged_into")
    return paths


def standing_for(recordings: QuerySet[Recording]) -> dict[int, int]:
    """Return, by key, the recording that each of these was finally merged into."""
    merged = recordings.filter(merged_into__isnull=False)
    return {alias.pk: alias.stands_for_it.pk for alias in merged}


def given_up_among(recordings: Iterable[int]) -> set[int]:
    """Return which of these recordings were retired, as ``Recording.is_given_up``."""
    # Scans find what was retired since they began, so access limits do not count.
    rows = Recording._base_manager.filter(pk__in=list(recordings), status=RecordingStatus.RETIRED)
    return {row.pk for row in rows if row.is_given_up}


def excluded_segments(recording: Recording) -> QuerySet[Exclusion]:
    """Return the recording's intervals that are excluded or proposed for exclusion."""
    return recording.excluded_segments.filter(removed_at__isnull=True).select_related("created_by")


def excluded_intervals_of(recordings: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """Return the excluded intervals of many recordings by key, with one query."""
    rows = Exclusion.objects.filter(
        recording__in=list(recordings), approved=True, removed_at__isnull=True
    )
    intervals: dict[int, list[tuple[int, int]]] = {}
    for key, start, end in rows.values_list("recording_id", "start_ms", "end_ms"):
        intervals.setdefault(key, []).append((start, end))
    return intervals


def excluded_intervals(recording: Recording) -> list[tuple[int, int]]:
    """Return start and end of every interval that produces no matches."""
    rows = excluded_segments(recording).filter(approved=True)
    return list(rows.values_list("start_ms", "end_ms"))
