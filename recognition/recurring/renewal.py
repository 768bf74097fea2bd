"""Bring the items of a new file together with those that were there before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from recognition.recurring.items import (
    INSIDE,
    FoundOccurrence,
    Item,
    explained,
    is_inside,
    place_of,
)
from recognition.recurring.join import MIN_MS


def renewed(
    before: Sequence[Item], fresh: Sequence[Item], claimed: Iterable[FoundOccurrence] = ()
) -> list[tuple[Item, int | None]]:
    """Return all items after some were made again, with the place of each in ``before``.

    A fresh item takes the place of those whose occurrences it holds, and takes over
    what only they had, for example from a search back. New items have no place. What
    lies inside the ``claimed`` occurrences, of items that no file changes, is left out.
    """
    held = _by_file(fresh)
    unchanged: list[int] = []
    stale: dict[int, Item] = {}
    for number, item in enumerate(before):
        if _share_inside(item, held) >= INSIDE:
            stale[number] = item
        else:
            unchanged.append(number)
    made = [_with_former(item, [*stale.values()]) for item in fresh]
    places = dict(enumerate(unchanged)) | {
        len(unchanged) + number: place for number, place in _successors(made, stale).items()
    }
    items = explained([*(before[number] for number in unchanged), *made], claimed)
    return [(item, places.get(number)) for number, item in items]


def _successors(made: Sequence[Item], stale: Mapping[int, Item]) -> dict[int, int]:
    """Return which former item each new one succeeds: the one it shares most with."""
    shared = sorted(
        (-common_ms(item, old), place, number)
        for number, item in enumerate(made)
        for place, old in stale.items()
    )
    places: dict[int, int] = {}
    for common, place, number in shared:
        if common and number not in places and place not in places.values():
            places[number] = place
    return places


def _by_file(items: Iterable[Item]) -> dict[int, list[FoundOccurrence]]:
    by_file: dict[int, list[FoundOccurrence]] = {}
    for item in items:
        for occurrence in item.occurrences:
            by_file.setdefault(occurrence.file, []).append(occurrence)
    return by_file


def _share_inside(item: Item, held: dict[int, list[FoundOccurrence]]) -> float:
    inside = [is_inside(occurrence, held, INSIDE) for occurrence in item.occurrences]
    return sum(inside) / len(inside)


def common_ms(a: Item, b: Item) -> int:
    """Return for how long occurrences of both items sound at the same places."""
    return sum(
        max(0, min(first.end_ms, second.end_ms) - max(first.start_ms, second.start_ms))
        for first in a.occurrences
        for second in b.occurrences
        if first.file == second.file
    )


def _with_former(item: Item, stale: Sequence[Item]) -> Item:
    """Return an item with the occurrences that only its predecessor has."""
    former = max(stale, key=lambda old: common_ms(item, old), default=None)
    if former is None or not common_ms(item, former):
        return item
    now, then = max(
        ((a, b) for a in item.occurrences for b in former.occurrences if a.file == b.file),
        key=lambda pair: (
            min(pair[0].end_ms, pair[1].end_ms) - max(pair[0].start_ms, pair[1].start_ms)
        ),
    )
    # Both items time the same interval of a file, which tells how their times relate.
    scale = now.tempo_ratio / then.tempo_ratio
    cents = now.pitch_cents - then.pitch_cents
    zero = now.item_start_ms - (now.start_ms - then.start_ms) * now.tempo_ratio
    held = _by_file([item])
    additions = []
    for occurrence in former.occurrences:
        start, end = (
            min(item.length_ms, max(0, round(zero + (ms - then.item_start_ms) * scale)))
            for ms in (occurrence.item_start_ms, occurrence.item_end_ms)
        )
        if end - start >= MIN_MS and not is_inside(occurrence, held, 1 - INSIDE):
            moved = replace(
                occurrence,
                item_start_ms=start,
                item_end_ms=end,
                tempo_ratio=round(occurrence.tempo_ratio * scale, 4),
                pitch_cents=round(occurrence.pitch_cents + cents, 1),
            )
            additions.append(moved)
    return replace(item, occurrences=tuple(sorted([*item.occurrences, *additions], key=place_of)))
