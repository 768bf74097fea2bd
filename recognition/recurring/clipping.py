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
        part for one in item.occurrences for part in within(one, spans(one.file))
    )
    if occurrences == item.occurrences:
        return item
    if len(occurrences) < 2:
        return None
    best = max(occurrences, key=fullest)
    if item.best in occurrences:
        best = item.best
    begin = min(one.item_start_ms for one in occurrences)
    moved = {
        one: replace(
            one,
            item_start_ms=one.item_start_ms - begin,
            item_end_ms=one.item_end_ms - begin,
        )
        for one in occurrences
    }
    length = max(one.item_end_ms for one in moved.values())
    return Item(length, moved[best], tuple(moved.values()))


def within(one: FoundOccurrence, spans: Spans | None) -> list[FoundOccurrence]:
    """Return the parts of an occurrence that lie in the spans and are long enough."""
    if spans is None:
        return [one]
    parts = list(_parts(one, spans))
    return [_part(one, start, end) for start, end in parts if end - start >= MIN_MS]


def _parts(one: FoundOccurrence, spans: Spans) -> Iterator[tuple[int, int]]:
    """Yield the intervals inside; those less than a second apart are one."""
    begin = end = -1
    for first, last in sorted(spans):
        start, stop = max(first, one.start_ms), min(last, one.end_ms)
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


def _part(one: FoundOccurrence, start: int, end: int) -> FoundOccurrence:
    """Return a part; ends that hardly move stay, so that nothing changes by rounding."""
    start = one.start_ms if start - one.start_ms < _BRIDGED_MS else start
    end = one.end_ms if one.end_ms - end < _BRIDGED_MS else end
    if (start, end) == (one.start_ms, one.end_ms):
        return one
    scale = (one.item_end_ms - one.item_start_ms) / one.length_ms
    return replace(
        one,
        start_ms=start,
        end_ms=end,
        item_start_ms=round(one.item_start_ms + (start - one.start_ms) * scale),
        item_end_ms=round(one.item_start_ms + (end - one.start_ms) * scale),
        bits=round(one.bits * (end - start) / one.length_ms, 2),
    )
