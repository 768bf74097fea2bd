"""Occurrences and best copies of items that people split and merge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from plugins.monitoring.unknown.landmarks import landmarks_of, stored
from plugins.monitoring.unknown.models import ItemState, Occurrence, UnknownItem
from recognition.fingerprints.landmarks import select
from recognition.params import DEFAULT
from recognition.types import Landmarks

LEAST_PART_MS: Final = 4_500
# Shorter pieces of an occurrence stay with the rest of it.
_LEAST_PIECE_MS: Final = 1_000
# Two occurrences in a file are one if they share so much of the shorter one.
_SAME: Final = 0.5
_TOUCHING_MS: Final = 100


def can_divide(item: UnknownItem, at_ms: int) -> bool:
    """Return whether the best copy has enough on both sides of a time of the item."""
    first, last = item.best_item_start_ms, item.best_item_start_ms + _best_ms(item)
    return first + LEAST_PART_MS <= at_ms <= last - LEAST_PART_MS


@dataclass(frozen=True, slots=True)
class NewSound:
    """The sound that items get, and that of theirs from which it was made.

    Made before the items are locked, because that takes a while.
    """

    made_from: tuple[bytes, ...]
    parts: tuple[bytes, ...]

    def is_current(self, *items: UnknownItem) -> bool:
        """Return whether the items still have the sound from which this was made."""
        return self.made_from == tuple(bytes(item.landmarks) for item in items)


def cut_sound(item: UnknownItem, at_ms: int) -> NewSound:
    """Return an item's sound before and after a time."""
    inside = at_ms - item.best_item_start_ms
    landmarks, at = landmarks_of(item), np.int32(round(inside / DEFAULT.frame_ms))
    before = select(landmarks, landmarks.frames < at)
    after = select(landmarks, landmarks.frames >= at)
    after = after.moved(-int(at))
    parts = stored(before, inside), stored(after, _best_ms(item) - inside)
    return NewSound((bytes(item.landmarks),), parts)


def join_sound(item: UnknownItem, second: UnknownItem) -> NewSound:
    """Return the sound of two items that were one."""
    first, following = landmarks_of(item), landmarks_of(second)
    shift = round(_best_ms(item) / DEFAULT.frame_ms)
    whole = Landmarks.joined([first, following.moved(shift)])
    made_from = bytes(item.landmarks), bytes(second.landmarks)
    return NewSound(made_from, (stored(whole, _best_ms(item) + _best_ms(second)),))


def divide(item: UnknownItem, at_ms: int, sound: NewSound) -> UnknownItem:
    """Split an item at a time within it; return the new item (the second part).

    Both are settled. The first part is changed, but not saved.
    """
    inside = at_ms - item.best_item_start_ms
    before, after = sound.parts
    second = UnknownItem.objects.create(
        length_ms=item.length_ms - at_ms,
        settled=True,
        is_watched=item.is_watched,
        searched_to=item.searched_to,
        best_file=item.best_file,
        best_start_ms=item.best_start_ms + inside,
        best_end_ms=item.best_end_ms,
        landmarks=after,
    )
    item.length_ms, item.settled = at_ms, True
    item.best_end_ms = item.best_start_ms + inside
    item.landmarks = before
    for occurrence in item.occurrences.select_for_update():
        _divide_occurrence(occurrence, second, at_ms)
    return second


def rejoin(item: UnknownItem, second: UnknownItem, at_ms: int, sound: NewSound) -> None:
    """Make one item of two that were one, cut at ``at_ms``; ``item`` is not saved."""
    (item.landmarks,) = sound.parts
    item.best_end_ms += _best_ms(second)
    item.length_ms = at_ms + second.length_ms
    for occurrence in second.occurrences.select_for_update():
        occurrence.item_start_ms += at_ms
        occurrence.item_end_ms += at_ms
        before = item.occurrences.filter(
            file=occurrence.file,
            end_ms__range=(occurrence.start_ms - _TOUCHING_MS, occurrence.start_ms + _TOUCHING_MS),
        ).first()
        if before is None:
            occurrence.item = item
            occurrence.save()
        else:
            occurrence.delete()
            before.end_ms, before.item_end_ms = (occurrence.end_ms, occurrence.item_end_ms)
            before.bits += occurrence.bits
            before.save()
    second.state, second.merged_into, second.landmarks = ItemState.MERGED, item, b""
    second.version += 1
    second.save()


def take_over(item: UnknownItem, target: UnknownItem) -> list[list[int]]:
    """Give an item's occurrences to another item, but for those that it has already.

    Returns key, start and end in the item of each, for ``give_back``. How the two items
    relate is unknown, so their times are only cut to the target's length.
    """
    there = [*target.occurrences.all()]
    moved = []
    for occurrence in item.occurrences.select_for_update():
        if any(_is_same(occurrence, target_occurrence) for target_occurrence in there):
            continue
        moved.append([occurrence.pk, occurrence.item_start_ms, occurrence.item_end_ms])
        occurrence.item = target
        occurrence.item_end_ms = min(occurrence.item_end_ms, target.length_ms)
        occurrence.item_start_ms = min(occurrence.item_start_ms, occurrence.item_end_ms)
        occurrence.save()
    return moved


def give_back(item: UnknownItem, target: UnknownItem, moved: Iterable[Sequence[int]]) -> None:
    """Return to an item what ``take_over`` moved and the target still has."""
    for key, start, end in moved:
        Occurrence.objects.filter(pk=key, item=target).update(
            item=item, item_start_ms=start, item_end_ms=end
        )


def _best_ms(item: UnknownItem) -> int:
    return item.best_end_ms - item.best_start_ms


def _divide_occurrence(occurrence: Occurrence, second: UnknownItem, at_ms: int) -> None:
    """Keep what lies before ``at_ms``, and give the second item the rest."""
    if occurrence.item_end_ms - at_ms < _LEAST_PIECE_MS:
        occurrence.item_end_ms = min(occurrence.item_end_ms, at_ms)
        occurrence.save(update_fields=["item_end_ms"])
        return
    whole = occurrence.item_end_ms - occurrence.item_start_ms
    share = max(0.0, (at_ms - occurrence.item_start_ms) / whole)
    is_cut = at_ms - occurrence.item_start_ms >= _LEAST_PIECE_MS
    remainder = Occurrence(
        item=second,
        file=occurrence.file,
        start_ms=occurrence.start_ms,
        end_ms=occurrence.end_ms,
        item_start_ms=max(0, occurrence.item_start_ms - at_ms),
        item_end_ms=occurrence.item_end_ms - at_ms,
        tempo_ratio=occurrence.tempo_ratio,
        pitch_cents=occurrence.pitch_cents,
        bits=occurrence.bits,
        score=occurrence.score,
    )
    if is_cut:
        remainder.start_ms += round(share * (occurrence.end_ms - occurrence.start_ms))
        remainder.bits = occurrence.bits * (1 - share)
        occurrence.end_ms, occurrence.item_end_ms = remainder.start_ms, at_ms
        occurrence.bits *= share
        occurrence.save()
    else:
        occurrence.delete()
    remainder.save()


def _is_same(first: Occurrence, second: Occurrence) -> bool:
    if first.file_id != second.file_id:
        return False
    shared = min(first.end_ms, second.end_ms) - max(first.start_ms, second.start_ms)
    shorter = min(first.end_ms - first.start_ms, second.end_ms - second.start_ms)
    return shared >= _SAME * shorter
