"""Cut occurrences to the intervals of their files in which nothing matched.

A run goes on where one side has no landmarks, because a recording explains it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from recognition.recurring.items import FoundOccurrence, Item, distinct, fullest
from recognition.recurring.join import MIN_MS

Spans: TypeAlias = Sequence[tuple[int, int]]

# What is shorter is left to the roundings of landmarks and intervals.
_BRIDGED_MS: Final = 1_000


def clipped(items: Iterable[Item], spans: Callable[[int], Spans | None]) -> list[Item]:
    """Return the items with what of their occurrences lies in the spans of each file.

    ``spans`` returns the intervals (start, end) in milliseconds, None for a whole file.
    An item that keeps fewer than two occurrences is left out.
    """
    return [cut for item in items if (cut := _clipped(item, spans)) is not None]


def _clipped(item: Item, spans: Callable[[int], Spans | None]) -> Item | None:
    occurrences = distinct(
        part
        for occurrence in item.occurrences
        for part in within(occurrence, spans(occurrence.file))
    )
    if occurrences == item.occurrences:
        return item
    if len(occurrences) < 2:
        return None
    best = max(occurrences, key=fullest)
    if item.best in occurrences:
        best = item.best
    begin = min(occurrence.item_start_ms for occurrence in occurrences)
    moved = {
        occurrence: replace(
            occurrence,
            item_start_ms=occurrence.item_start_ms - begin,
            item_end_ms=occurrence.item_end_ms - begin,
        )
        for occurrence in occurrences
    }
    length = max(occurrence.item_end_ms for occurrence in moved.values())
    return Item(length, moved[best], tuple(moved.values()))


def within(occurrence: FoundOccurrence, spans: Spans | None) -> list[FoundOccurrence]:
    """Return the parts of an occurrence that lie in the spans and are long enough."""
    if spans is None:
        return [occurrence]
    parts = list(_parts(occurrence, spans))
    return [_part(occurrence, start, end) for start, end in parts if end - start >= MIN_MS]


def _parts(occurrence: FoundOccurrence, spans: Spans) -> Iterator[tuple[int, int]]:
    """Yield the intervals inside; those less than a second apart are one."""
    begin = end = -1
    for first, last in sorted(spans):
        start, stop = max(first, occurrence.start_ms), min(last, occurrence.end_ms)
        if stop <= start:
            continue
        if begin < 0:
            begin, end = start, stop
        elif start - end < _BRIDGED_MS:
            end = stop
        else:
            yield begin, end
            begin, end = start, stop
    if begin >= 0:
        yield begin, end


def _part(occurrence: FoundOccurrence, start: int, end: int) -> FoundOccurrence:
    """Return a part; ends that hardly move stay, so that nothing changes by rounding."""
    start = occurrence.start_ms if start - occurrence.start_ms < _BRIDGED_MS else start
    end = occurrence.end_ms if occurrence.end_ms - end < _BRIDGED_MS else end
    if (start, end) == (occurrence.start_ms, occurrence.end_ms):
        return occurrence
    scale = (occurrence.item_end_ms - occurrence.item_start_ms) / occurrence.length_ms
    return replace(
        occurrence,
        start_ms=start,
        end_ms=end,
        item_start_ms=round(occurrence.item_start_ms + (start - occurrence.start_ms) * scale),
        item_end_ms=round(occurrence.item_start_ms + (end - occurrence.start_ms) * scale),
        bits=round(occurrence.bits * (end - start) / occurrence.length_ms, 2),
    )
