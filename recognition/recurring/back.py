"""Search kept files for further occurrences of items, by the items' best copies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT, Params
from recognition.recurring.families import PLACE_BITS
from recognition.recurring.items import INSIDE, FoundOccurrence, Item, explained, place_of
from recognition.recurring.join import MIN_MS, SPEEDS
from recognition.recurring.sounds import Load, Sound
from recognition.search.candidates import DENSE, GRID, SPARSE, SearchStage, Warp, speed
from recognition.search.retro import RetroIndex, search_back
from recognition.types import Landmarks, SegmentMatch

_HOURS: Final = 1.0  # as compared recordings are judged; ``PLACE_BITS`` is above it
# An item is another one's if so much of its best copy sounds in the other's. At 0.6,
# jingles that share a figure of four seconds became one.
_MERGED: Final = 0.8
# A play lacks at most this much of what somebody named, at its ends.
_WHOLE: Final = 0.7


@dataclass(frozen=True, slots=True)
class _Alias:
    """Item ``merged`` is found as ``match`` in the best copy of item ``into``."""

    merged: int
    into: int
    match: SegmentMatch


def searched_back(
    items: Sequence[Item], files: Iterable[int], *, load: Load, params: Params = DEFAULT
) -> tuple[Item, ...]:
    """Return the items with the occurrences that a search of kept files adds.

    ``items`` are all items that the files may hold, so that no occurrence goes to two.
    An item that sounds in the best copy of a longer one is merged into it. The files of
    all best copies are among ``files``.
    """
    numbered = numbered_back(items, files, load=load, params=params)
    return tuple(item for _, item in numbered)


def numbered_back(
    items: Sequence[Item],
    files: Iterable[int],
    *,
    load: Load,
    stored: Sequence[Landmarks] | None = None,
    params: Params = DEFAULT,
) -> list[tuple[int, Item]]:
    """Return what ``searched_back`` does, with the number of each item given.

    ``stored`` are the landmarks of the items' best copies, if their files need not be
    read for them.
    """
    if not items:
        return []
    if stored is None:
        stored = [item.landmarks(load) for item in items]
    order = sorted(range(len(items)), key=lambda number: -items[number].length_ms)
    ordered = [items[number] for number in order]
    index = RetroIndex.of({place: stored[number] for place, number in enumerate(order)}, params)
    occurrences: list[list[FoundOccurrence]] = [[*item.occurrences] for item in ordered]
    into: dict[int, _Alias] = {}
    for file in sorted(files):
        for match in _matches(load(file), ordered, index, params):
            number = match.recording
            alias = _alias(match, file, ordered)
            if alias is not None:
                into.setdefault(alias.merged, alias)
            elif not _is_known(match, file, occurrences[number]):
                item = ordered[number]
                begin = item.best.item_start_ms
                occurrences[number].append(heard(match, file, begin, item.length_ms))
    # The shortest first, so that an item that is merged takes along what it was given.
    for alias in sorted(into.values(), key=lambda alias: -alias.merged):
        target = ordered[alias.into]
        for occurrence in occurrences[alias.merged]:
            moved = _move_occurrence(occurrence, alias.match, ordered[alias.merged], target)
            if moved is not None and not _overlaps(moved, occurrences[alias.into]):
                occurrences[alias.into].append(moved)
        occurrences[alias.merged] = []
    numbered = explained(
        [
            replace(item, occurrences=tuple(sorted(of_item, key=place_of)))
            for item, of_item in zip(ordered, occurrences, strict=True)
        ]
    )
    return [(order[number], item) for number, item in numbered]


def plays_again(
    sound: Sound, interval_ms: tuple[int, int], *, params: Params = DEFAULT
) -> list[tuple[int, int]]:
    """Return where else in a file the sound of an interval is heard whole, in order.

    Unlike ``join``, it finds plays a few minutes apart. Music repeats itself there, so a
    person has to say that these are plays of one recording.
    """
    start, end = (int(ms / params.frame_ms) for ms in interval_ms)
    closed = ~sound.open_frames
    closed[start:end] = True
    index = RetroIndex.of({0: sound.landmarks(interval_ms, params)}, params)
    matches = search_back(
        sound.fingerprint, index, hours=_HOURS, todo=_stages(params), closed=closed
    )
    whole = max(MIN_MS, _WHOLE * (interval_ms[1] - interval_ms[0]))
    return sorted(
        (match.start_ms, match.end_ms)
        for match in matches
        if match.bits >= PLACE_BITS and match.end_ms - match.start_ms >= whole
    )


def _matches(
    sound: Sound, items: Sequence[Item], index: RetroIndex, params: Params
) -> list[SegmentMatch]:
    """Return where items sound in what none explains, and in best copies."""
    matches = search_back(
        sound.fingerprint,
        index,
        hours=_HOURS,
        todo=_stages(params),
        closed=_closed(sound, items, params),
    )
    return [
        match
        for match in matches
        if match.bits >= PLACE_BITS and match.end_ms - match.start_ms >= MIN_MS
    ]


def _stages(params: Params) -> list[SearchStage]:
    plain, top = Warp(), params.sparse_top
    speeds = [SearchStage(GRID, speed(factor, params), top, _HOURS) for factor in SPEEDS]
    return [
        SearchStage(SPARSE, plain, top, _HOURS),
        SearchStage(DENSE, plain, params.dense_top, _HOURS),
        *speeds,
    ]


def _closed(sound: Sound, items: Sequence[Item], params: Params) -> NDArray[np.bool_]:
    """Return which frames are matched, silent or explained, and in no best copy."""
    closed = ~sound.open_frames
    spans = [
        (occurrence, occurrence != item.best)
        for item in items
        for occurrence in item.occurrences
        if occurrence.file == sound.number
    ]
    for occurrence, is_closed in sorted(spans, key=lambda span: -span[1]):
        first, last = (int(ms / params.frame_ms) for ms in (occurrence.start_ms, occurrence.end_ms))
        closed[first:last] = is_closed
    return closed


def _alias(match: SegmentMatch, file: int, items: Sequence[Item]) -> _Alias | None:
    """Return which longer item a match makes its item a part of, if any."""
    item = items[match.recording]
    covered = match.reference_end_ms - match.reference_start_ms
    if covered < _MERGED * item.best.length_ms:
        return None
    for number, longer in enumerate(items[: match.recording]):
        if longer.best.file == file and _shared_ms(match, longer.best) >= INSIDE * (
            match.end_ms - match.start_ms
        ):
            return _Alias(match.recording, number, match)
    return None


def heard(match: SegmentMatch, file: int, best_start_ms: int, length_ms: int) -> FoundOccurrence:
    """Return the occurrence of an item that a match of its best copy is.

    The copy begins at ``best_start_ms`` of the item.
    """
    return FoundOccurrence(
        file=file,
        start_ms=match.start_ms,
        end_ms=match.end_ms,
        item_start_ms=best_start_ms + match.reference_start_ms,
        item_end_ms=min(length_ms, best_start_ms + match.reference_end_ms),
        tempo_ratio=match.tempo_ratio,
        pitch_cents=match.pitch_cents,
        bits=match.bits,
        score=match.score,
    )


def _move_occurrence(
    occurrence: FoundOccurrence, match: SegmentMatch, item: Item, target: Item
) -> FoundOccurrence | None:
    """Return an occurrence of a merged item as one of the target, None if outside."""
    ratio = match.tempo_ratio
    zero = target.best.item_start_ms + match.start_ms - target.best.start_ms
    begin = item.best.item_start_ms + match.reference_start_ms
    start, end = (
        min(target.length_ms, max(0, round(zero + (ms - begin) / ratio)))
        for ms in (occurrence.item_start_ms, occurrence.item_end_ms)
    )
    if end - start < MIN_MS:
        return None
    return replace(
        occurrence,
        item_start_ms=start,
        item_end_ms=end,
        tempo_ratio=round(occurrence.tempo_ratio / ratio, 4),
        pitch_cents=round(occurrence.pitch_cents - match.pitch_cents, 1),
    )


def _is_known(match: SegmentMatch, file: int, occurrences: Iterable[FoundOccurrence]) -> bool:
    return any(
        occurrence.file == file
        and _shared_ms(match, occurrence) > (match.end_ms - match.start_ms) / 2
        for occurrence in occurrences
    )


def _overlaps(occurrence: FoundOccurrence, occurrences: Iterable[FoundOccurrence]) -> bool:
    return any(
        neighbour.file == occurrence.file
        and _shared_ms(occurrence, neighbour) > occurrence.length_ms / 2
        for neighbour in occurrences
    )


def _shared_ms(a: SegmentMatch | FoundOccurrence, b: SegmentMatch | FoundOccurrence) -> int:
    return max(0, min(a.end_ms, b.end_ms) - max(a.start_ms, b.start_ms))
