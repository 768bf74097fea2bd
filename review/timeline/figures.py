"""Stores the sums of timelines, so that lists and sums of files can read them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from base.accounts.reach import sees_every_bucket, working_for
from base.common.batches import batched
from review import intervals
from review.intervals import Interval
from review.models import FileFigures, Match
from review.selectors import with_segments
from review.timeline.division import Timeline, share
from review.timeline.reading import matched_timelines, timelines
from scanning.models import ScannedFile

_AT_ONCE = 100


@working_for(None)
@transaction.atomic
def refresh(files: Iterable[int]) -> None:
    """Write the figures of files with these keys again, and the shares of their matches.

    Call it in the transaction that changes what a file holds.
    """
    keys = sorted(set(files))
    FileFigures.objects.bulk_create(
        [FileFigures(scanned_file_id=key) for key in keys], ignore_conflicts=True
    )
    # Two decisions in one file see each other, so that the later one counts both.
    rows = FileFigures.objects.select_for_update().filter(pk__in=keys).order_by("pk")
    stored = {row.pk: row for row in rows}
    for file, line in _read(keys, matched_timelines):
        row = stored[file.pk]
        row.matched_ms, row.overlap_ms = line.matched_ms, line.overlap_ms
        _share_again(file, line)
    FileFigures.objects.bulk_update(stored.values(), ["matched_ms", "overlap_ms"], batch_size=200)


def differing(files: Iterable[int]) -> Iterator[tuple[int, str]]:
    """Yield the key of each file whose stored figures differ, and how they do."""
    keys = list(files)
    with working_for(None):
        stored = FileFigures.objects.in_bulk(keys)
        for file, line in _read(keys, timelines):
            row = stored.get(file.pk, FileFigures())
            figures = (row.matched_ms, row.overlap_ms)
            counted = (line.matched_ms, line.overlap_ms)
            if figures != counted:
                difference = f"file {file.uid} stores {figures} ms, its timeline {counted}"
                yield file.pk, difference


def _read(
    keys: Collection[int], divided: Callable[[Collection[ScannedFile]], Mapping[int, Timeline]]
) -> Iterator[tuple[ScannedFile, Timeline]]:
    ordered = sorted(keys)
    for first in range(0, len(ordered), _AT_ONCE):
        files = ScannedFile.objects.select_related("container").in_bulk(
            ordered[first : first + _AT_ONCE]
        )
        lines = divided(list(files.values()))
        for key, file in files.items():
            yield file, lines[key]


def _share_again(file: ScannedFile, line: Timeline) -> None:
    """Give the matches their share of a file whose length has changed."""
    for match in line.matches:
        pct = share(match.matched_ms, file.length_ms) or Decimal("0.00")
        if match.source_coverage_pct != pct:
            Match.objects.filter(pk=match.pk).update(source_coverage_pct=pct)


def matched_shares(files: Collection[ScannedFile]) -> dict[int, Decimal | None]:
    """Return the matched share of files by key, as the viewer may see it.

    Files without figures, because nothing was found in them yet, are left out.
    """
    if sees_every_bucket():
        rows = FileFigures.objects.filter(pk__in=[file.pk for file in files])
        matched = dict(rows.values_list("pk", "matched_ms"))
    else:
        matched = {key: line.matched_ms for key, line in timelines(files).items() if line.matches}
    return {
        file.pk: share(matched[file.pk], file.length_ms) for file in files if file.pk in matched
    }


def counted_twice(matches: QuerySet[Match]) -> dict[object, int]:
    """Return what the matches of a group count more than once, by their ``group``.

    Only files in which recordings sound together are read.
    """
    together = matches.filter(scanned_file__figures__overlap_ms__gt=0)
    alone: dict[object, int] = defaultdict(int)
    counted: dict[tuple[object, int], list[Interval]] = defaultdict(list)
    for chunk in batched(together.iterator(chunk_size=_AT_ONCE), _AT_ONCE):
        for match in with_segments(chunk):
            group = match.group  # type: ignore[attr-defined]  # an annotation
            alone[group] += match.tally.ms
            counted[group, match.scanned_file_id] += match.tally.counted
    for (group, _file), together_in in counted.items():
        alone[group] -= intervals.length(together_in)
    return {group: ms for group, ms in alone.items() if ms}


def note_matches(*, recounted: Sequence[Match], **_signal: object) -> None:
    """Write the figures of the files of matches whose time counts now, or no longer."""
    if recounted:
        refresh(match.scanned_file_id for match in recounted)
