"""Short intervals that many recordings share, or that one recording repeats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from catalogue.models import Bucket, Recording, RecordingStatus
from dedup.models import DuplicateKind, LoopPlace, LoopState, PairLink, SharedLoop

# Milliseconds; the figures of docs/duplicates.md.
SHORTEST_MS, LONGEST_MS = 3_000, 20_000
# Sound that only two recordings or one artist have is not reported as a loop.
RECORDINGS, OWNERS = 3, 2
_KINDS = ("", DuplicateKind.OVERLAP, DuplicateKind.SHARED_LOOP)


@dataclass(frozen=True, slots=True)
class LoopInterval:
    """An interval of a recording, in milliseconds."""

    recording: int
    start_ms: int
    end_ms: int

    def shares(self, other: LoopInterval) -> bool:
        """Return whether two intervals of one recording overlap by more than half."""
        shared = min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms)
        shorter = min(self.end_ms - self.start_ms, other.end_ms - other.start_ms)
        return self.recording == other.recording and shared > shorter / 2


def find_loops(*, bucket: Bucket) -> int:
    """Store each shared loop of a bucket; return how many are open.

    Decisions stay: a loop that was decided about is not reported again.
    """
    links = list(_links(bucket))
    candidates = clusters(links)
    recordings = Recording.objects.in_bulk(
        {interval.recording for cluster in candidates for interval in cluster}
    )
    repeated = {
        pk
        for link in links
        if link.kind == DuplicateKind.SHARED_LOOP
        for pk in (link.one_id, link.other_id)
    }
    places = list(LoopPlace.objects.filter(recording__bucket=bucket).select_related("loop"))
    with transaction.atomic():
        for cluster in candidates:
            if _is_loop(cluster, recordings, repeated) and not _was_reported(cluster, places):
                _write(cluster)
        # Recordings may have been retired or moved since the last check.
        _drop_gone(bucket)
    return (
        SharedLoop.objects.filter(state=LoopState.OPEN, places__recording__bucket=bucket)
        .distinct()
        .count()
    )


def clusters(links: Iterable[PairLink]) -> list[list[LoopInterval]]:
    """Return clusters of short intervals that links join, one per recording and place."""
    intervals: list[LoopInterval] = []
    by_recording: dict[int, list[int]] = defaultdict(list)
    parent: list[int] = []
    # Union-find: intervals are joined by links, and by overlap within a recording.

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    def add(interval: LoopInterval) -> int:
        number = len(intervals)
        intervals.append(interval)
        parent.append(number)
        for earlier in by_recording[interval.recording]:
            if intervals[earlier].shares(interval):
                parent[root(number)] = root(earlier)
        by_recording[interval.recording].append(number)
        return number

    for link in links:
        for start, end, other_start, other_end, *_ in link.runs:
            if not SHORTEST_MS <= end - start <= LONGEST_MS:
                continue
            first = add(LoopInterval(link.one_id, int(start), int(end)))
            second = add(LoopInterval(link.other_id, int(other_start), int(other_end)))
            parent[root(first)] = root(second)
    joined: dict[int, list[LoopInterval]] = defaultdict(list)
    for number, interval in enumerate(intervals):
        joined[root(number)].append(interval)
    return [_merge_intervals(parts) for parts in joined.values()]


def _links(bucket: Bucket) -> Iterable[PairLink]:
    return PairLink.objects.filter(
        kind__in=_KINDS,
        kept_at__isnull=True,
        one__bucket=bucket,
        other__bucket=bucket,
        one__status=RecordingStatus.READY,
        other__status=RecordingStatus.READY,
    ).order_by("pk")


def _merge_intervals(parts: Sequence[LoopInterval]) -> list[LoopInterval]:
    """Merge overlapping intervals of each recording."""
    merged: list[LoopInterval] = []
    for part in sorted(parts, key=lambda p: (p.recording, p.start_ms, p.end_ms)):
        last = merged[-1] if merged else None
        if last is not None and last.shares(part):
            merged[-1] = LoopInterval(last.recording, last.start_ms, max(last.end_ms, part.end_ms))
        else:
            merged.append(part)
    return merged


def _is_loop(
    cluster: Sequence[LoopInterval], recordings: dict[int, Recording], repeated: set[int]
) -> bool:
    pks = {interval.recording for interval in cluster}
    # At least three places more than recordings: some recording repeats the interval.
    if len(cluster) >= len(pks) + RECORDINGS and pks & repeated:
        return True
    owners = {_owner(recordings[pk]) for pk in pks}
    return len(pks) >= RECORDINGS and len(owners) >= OWNERS


def _owner(recording: Recording) -> tuple[str, ...]:
    """Return what identifies the owner: the artists, or else the label."""
    if recording.artists:
        return tuple(sorted(name.casefold() for name in recording.artists))
    return (recording.label.casefold(),)


def _was_reported(cluster: Sequence[LoopInterval], places: Sequence[LoopPlace]) -> bool:
    """Return whether a loop in all of these recordings was reported before."""
    reported: dict[int, set[int]] = defaultdict(set)
    for place in places:
        here = LoopInterval(place.recording_id, place.start_ms, place.end_ms)
        if any(interval.shares(here) for interval in cluster):
            reported[place.loop_id].add(place.recording_id)
    pks = {interval.recording for interval in cluster}
    return any(pks <= recordings for recordings in reported.values())


def _write(cluster: Sequence[LoopInterval]) -> None:
    """Store a loop; it replaces open loops whose places it includes."""
    pks = {interval.recording for interval in cluster}
    for loop in SharedLoop.objects.filter(
        state=LoopState.OPEN, places__recording__in=pks
    ).distinct():
        places = loop.places.all()
        if all(
            any(s.shares(LoopInterval(p.recording_id, p.start_ms, p.end_ms)) for s in cluster)
            for p in places
        ):
            loop.delete()
    lengths = sorted(interval.end_ms - interval.start_ms for interval in cluster)
    loop = SharedLoop.objects.create(length_ms=lengths[len(lengths) // 2])
    LoopPlace.objects.bulk_create(
        LoopPlace(
            loop=loop,
            recording_id=interval.recording,
            start_ms=interval.start_ms,
            end_ms=interval.end_ms,
        )
        for interval in cluster
    )


def _drop_gone(bucket: Bucket) -> None:
    """Delete open loops that fewer than two recordings still have."""
    for loop in SharedLoop.objects.filter(
        state=LoopState.OPEN, places__recording__bucket=bucket
    ).distinct():
        living = {
            place.recording_id
            for place in loop.places.select_related("recording")
            if place.recording.status == RecordingStatus.READY
        }
        if len(living) < OWNERS:
            loop.delete()
