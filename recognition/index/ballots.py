"""The compiled loops that count votes: by diagonal in a sketch, then exactly.

A vote is a place on a segment's axis and a shift; their sum is its diagonal, which is
the same for all votes of one offset of a recording.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from recognition.index.packing import (
    I32,
    I64,
    U8,
    U32,
    U64,
    Lists,
    lists_of,
    read_places,
    recording_at,
)
from recognition.jit import compiled, compiled_part

# A key is a local recording above this many bits of offset, which on a line through a
# window of a query is the same for every vote.
OFFSET_BITS: Final = 33
# While votes are chosen, a key is a diagonal of the axis above this many bits of shift.
SHIFT_BITS: Final = 31
# The most votes that a cell of the sketch counts: three of them fit in a byte.
FULL: Final = 85
# Several cells per vote, so that few votes share one.
SPARE_BITS: Final = 2
MIN_CELLS_BITS: Final = 10
# High cells for each place wanted: one place marks about five, and chance some more.
CELLS_EACH: Final = 16
# Cells before the first of a sketch, and after the last: copies of the other end.
MARGIN: Final = 2

Found: TypeAlias = tuple[I64, I64, I32]
"""By hash of a query: the first posting of its list, their number, and its frame."""
Postings: TypeAlias = tuple[U64, tuple[int, int], tuple[U32, U32, U8]]
"""A segment's packed postings, their geometry, and its recordings; see ``with_enough``."""
Wanted: TypeAlias = tuple[int, int, int, int]
"""How many places, the fewest votes, and the most bits of a sketch and keys at once."""


@compiled
def best_of_windows(
    found: Found, spans: I64, postings: Postings, wanted: Wanted
) -> tuple[I64, I64]:
    """Return the best places of each span of hashes, and where those of each span end.

    Places have local recording, delta and votes; the best come first.
    """
    firsts, counts, frames = found
    top, min_votes, most_bits, many = wanted
    words, geometry, recordings = postings
    places = np.empty(1 << MIN_CELLS_BITS, dtype=np.uint32)
    keys = np.empty(1 << MIN_CELLS_BITS, dtype=np.uint64)
    chosen = np.empty((64, 3), dtype=np.int64)
    ends = np.empty(len(spans), dtype=np.int64)
    count = 0
    for span in range(len(spans)):
        low, high = spans[span]
        lists, sizes, last = lists_of(firsts[low:high], counts[low:high], frames[low:high])
        if sizes[1] >= min_votes:
            if len(places) < sizes[0]:
                places = np.empty(2 * sizes[0], dtype=np.uint32)
            room = min(sizes[1], many)
            if len(keys) < room:
                keys = np.empty(2 * room, dtype=np.uint64)
            here = places[: sizes[0]]
            read_places(words, geometry, lists, here)
            best = _best(here, lists, keys[:room], recordings, (top, min_votes, most_bits))
            while count + len(best) > len(chosen):
                chosen = np.concatenate((chosen, np.empty_like(chosen)))
            for i in range(len(best)):
                chosen[count, 0] = best[i, 0]
                chosen[count, 1] = best[i, 1] - last
                chosen[count, 2] = best[i, 2]
                count += 1
        ends[span] = count
    return chosen[:count], ends


@compiled_part
def _best(
    places: U32,
    lists: Lists,
    keys: U64,
    recordings: tuple[U32, U32, U8],
    wanted: tuple[int, int, int],
) -> I64:
    """Return the best places of a window: recordings, offsets and votes.

    Weak places are many, and most come from cells that several diagonals share. So the
    least votes begin where few cells are left, and fall until all wanted are found. If
    the votes in high cells do not fit into ``keys``, the weakest are dropped.
    """
    top, fewest, most_bits = wanted
    most = _most_nearby(places, lists, most_bits)
    least = _least_with(most, fewest, CELLS_EACH * top)
    marks = np.empty(len(most) >> 3, dtype=np.uint8)
    while True:
        _mark_high(most, min(least, FULL), marks)
        votes = collect_votes(places, lists, marks, keys)
        if votes > len(keys):
            least = fewest = least + 1 + least // 4
            continue
        part = keys[:votes]
        part = np.sort(part[: crowded(part, least, _bits_for(votes))])
        best = strongest(np.sort(part[: with_enough(part, least, recordings)]), top, least)
        if len(best) == top or least == fewest:
            return best
        least -= 1


@compiled_part
def _bits_for(votes: int) -> int:
    """Return of how many bits a table for so many votes is."""
    bits = SPARE_BITS
    while votes:
        bits += 1
        votes >>= 1
    return max(MIN_CELLS_BITS, bits)


@compiled_part
def _most_nearby(places: U32, lists: Lists, most_bits: int) -> U8:
    """Return the most votes that each cell has together with two neighbours."""
    cells = 1 << min(most_bits, _bits_for(len(places)))
    sketch = np.zeros(cells + 2 * MARGIN, dtype=np.uint8)
    count_votes(places, lists, sketch)
    most = np.empty(cells, dtype=np.uint8)
    near_votes(sketch, most)
    return most


@compiled_part
def _least_with(most: U8, least: int, cells: int) -> int:
    """Return the most votes, ``least`` or more, that so many cells have."""
    while least < FULL:
        above, high = 0, np.uint8(least)
        for votes in most:
            above += votes > high
        if above < cells:
            break
        least += 1
    return least


@compiled_part
def _mark_high(most: U8, least: int, marks: U8) -> None:
    """Set the bit of each cell with ``least`` votes; as bits, they fit into the cache."""
    enough = np.uint8(least)
    for i in range(len(marks)):
        byte = np.uint8(0)
        for bit in range(8):
            byte |= np.uint8(most[8 * i + bit] >= enough) << np.uint8(bit)
        marks[i] = byte


@compiled_part
def strongest(keys: U64, top: int, least: int) -> I64:
    """Return recordings, offsets and votes of the strongest places of sorted keys.

    A key is a local recording above an offset; each key is one vote. No place is within
    two frames of a stronger one.
    """
    centres = np.empty(2 * len(keys), dtype=np.uint64)
    sums = np.empty(2 * len(keys), dtype=np.int64)
    count = 0
    for i in range(peaks(keys, centres, sums)):
        centres[count], sums[count] = centres[i], sums[i]
        count += sums[i] >= least
    order = np.argsort(-sums[:count], kind="mergesort")
    chosen = order[apart(centres[:count], order, top)]
    best = np.empty((len(chosen), 3), dtype=np.int64)
    for i in range(len(chosen)):
        centre = centres[chosen[i]]
        best[i, 0] = np.int64(centre >> np.uint64(OFFSET_BITS))
        best[i, 1] = np.int64(centre & np.uint64((1 << OFFSET_BITS) - 1))
        best[i, 2] = sums[chosen[i]]
    return best


@compiled_part
def count_votes(places: U32, lists: Lists, sketch: U8) -> None:
    """Count each vote in the cell of its diagonal, modulo the number of cells.

    ``sketch`` has a power of two of cells between two margins.
    """
    _, counts, shifts, votes = lists
    cells = len(sketch) - 2 * MARGIN
    mask, margin, full = np.uint32(cells - 1), np.uint32(MARGIN), np.uint32(FULL)
    at = 0
    for i in range(len(counts)):
        shift, weight = np.uint32(shifts[i]), np.uint32(votes[i])
        for _ in range(counts[i]):
            cell = ((places[at] + shift) & mask) + margin
            at += 1
            sketch[cell] = min(full, np.uint32(sketch[cell]) + weight)
    _fill_margins(sketch)


@compiled_part
def _fill_margins(sketch: U8) -> None:
    """Copy the cells at either end of a sketch to the margin at the other end."""
    beyond = len(sketch) - MARGIN
    for i in range(MARGIN):
        sketch[i] = sketch[beyond - MARGIN + i]
        sketch[beyond + i] = sketch[MARGIN + i]


@compiled_part
def near_votes(sketch: U8, most: U8) -> None:
    """Fill ``most`` with the most votes that each cell has with two of its neighbours.

    ``most`` has no margins. The processor does many cells at once, because the
    parts are slices: with computed indices the loop takes 30 times as long.
    """
    n = len(most)
    a, b, c = sketch[:n], sketch[1 : n + 1], sketch[2 : n + 2]
    d, e = sketch[3 : n + 3], sketch[4 : n + 4]
    for i in range(n):
        left = np.uint8(a[i] + b[i] + c[i])
        middle = np.uint8(b[i] + c[i] + d[i])
        right = np.uint8(c[i] + d[i] + e[i])
        most[i] = max(left, max(middle, right))


@compiled_part
def collect_votes(places: U32, lists: Lists, high: U8, keys: U64) -> int:
    """Fill ``keys`` with the votes that could be among the best: diagonals and shifts.

    ``high`` has a bit for each cell that counts. Returns the number found, which may
    exceed the room in ``keys``; the excess is only counted.
    """
    _, counts, shifts, votes = lists
    mask = np.uint32(8 * len(high) - 1)
    three, seven, one = np.uint32(3), np.uint32(7), np.uint32(1)
    at, count = 0, 0
    for i in range(len(counts)):
        shift = np.uint32(shifts[i])
        for _ in range(counts[i]):
            place = places[at]
            at += 1
            cell = (place + shift) & mask
            if not (np.uint32(high[cell >> three]) >> (cell & seven)) & one:
                continue
            diagonal = np.uint64(place) + np.uint64(shift)
            for _ in range(votes[i]):
                if count < len(keys):
                    keys[count] = (diagonal << np.uint64(SHIFT_BITS)) | np.uint64(shift)
                count += 1
    return count


@compiled_part
def crowded(keys: U64, least: int, bits: int) -> int:
    """Keep the votes that may have ``least`` votes on three neighbouring diagonals.

    ``keys`` are diagonals and shifts, in any order. Most votes are here because others
    share their cell of the sketch; these few are counted again in 2 to the power of
    ``bits`` less one cells, where others meet. Kept votes come first, in the same order;
    returns how many they are.
    """
    cells = np.uint64((1 << bits) - 1)
    margin, full, one = np.uint64(MARGIN), np.uint8(FULL), np.uint64(1)
    enough = min(least, FULL)
    sketch = np.zeros((1 << bits) - 1 + 2 * MARGIN, dtype=np.uint8)
    at = np.empty(len(keys), dtype=np.uint32)
    for i in range(len(keys)):
        diagonal = keys[i] >> np.uint64(SHIFT_BITS)
        # The remainder, without a division.
        while diagonal > cells:
            diagonal = (diagonal & cells) + (diagonal >> np.uint64(bits))
        if diagonal == cells:
            diagonal = np.uint64(0)
        at[i] = diagonal
        cell = diagonal + margin
        sketch[cell] += sketch[cell] < full
    _fill_margins(sketch)
    count = 0
    for i in range(len(keys)):
        a = np.uint64(at[i])
        b = a + one
        c, d, e = b + one, b + margin, b + margin + one
        middle = np.int64(sketch[c])
        left, right = np.int64(sketch[b]), np.int64(sketch[d])
        most = max(left + right, max(left + sketch[a], right + sketch[e])) + middle
        keys[count] = keys[i]
        count += most >= enough
    return count


@compiled_part
def with_enough(keys: U64, least: int, recordings: tuple[U32, U32, U8]) -> int:
    """Keep the votes whose diagonals have ``least`` votes together with neighbours.

    ``keys`` are sorted diagonals and shifts. The votes that are kept become (local
    recording, offset) and come first, in no order. Finding the recording of a vote
    takes long, so it is done for these alone.
    ``recordings`` holds where recordings begin, the guide to them, and which are
    removed, whose votes are left out. Returns how many are kept.
    """
    bases, guide, dead = recordings
    bits = np.uint64(SHIFT_BITS)
    shift_mask = (np.uint64(1) << bits) - np.uint64(1)
    diagonals = np.empty(len(keys), dtype=np.int64)
    firsts = np.empty(len(keys) + 1, dtype=np.int64)
    n = 0
    for i in range(len(keys)):
        diagonal = np.int64(keys[i] >> bits)
        if n == 0 or diagonal != diagonals[n - 1]:
            diagonals[n], firsts[n] = diagonal, i
            n += 1
    firsts[n] = len(keys)
    count = 0
    for number in range(n):
        # With two diagonals on each side, which may lack votes.
        left, middle, right = 0, 0, 0
        for neighbour in range(max(0, number - 2), min(n, number + 3)):
            away = diagonals[neighbour] - diagonals[number]
            votes = firsts[neighbour + 1] - firsts[neighbour]
            left += votes if -2 <= away <= 0 else 0
            middle += votes if -1 <= away <= 1 else 0
            right += votes if 0 <= away <= 2 else 0
        if max(left, middle, right) < least:
            continue
        for i in range(firsts[number], firsts[number + 1]):
            shift = np.int64(keys[i] & shift_mask)
            place = diagonals[number] - shift
            local = recording_at(bases, guide, place)
            if local < len(dead) and not dead[local]:
                offset = np.uint64(place - np.int64(bases[local]) + shift)
                keys[count] = (np.uint64(local) << np.uint64(OFFSET_BITS)) | offset
                count += 1
    return count


@compiled
def peaks(keys: U64, centres: U64, sums: I64) -> int:
    """Collect distinct places of sorted ``keys``, adding the votes of both neighbours.

    Also adds the place between two that have votes. Returns how many; ``centres`` and
    ``sums`` need room for three per key.
    """
    count = 0
    i = 0
    one, two = np.uint64(1), np.uint64(2)
    before, before_votes = np.uint64(0), 0
    while i < len(keys):
        key = keys[i]
        votes = 0
        while i < len(keys) and keys[i] == key:
            votes += 1
            i += 1
        if before_votes and before + one == key:
            sums[count - 1] += votes
            sums_here = votes + before_votes
        else:
            if before_votes and before + two == key:
                centres[count] = before + one
                sums[count] = before_votes + votes
                count += 1
            sums_here = votes
        centres[count] = key
        sums[count] = sums_here
        count += 1
        before, before_votes = key, votes
    return count


@compiled_part
def apart(centres: U64, order: I64, top: int) -> I64:
    """Return which of ``order`` to keep: none within two of an earlier one, ``top`` at
    most.

    ``centres`` are sorted; ``order`` holds their numbers, the best first.
    """
    taken = np.zeros(len(centres), dtype=np.bool_)
    ranks = np.empty(min(top, len(order)), dtype=np.int64)
    count = 0
    two = np.uint64(2)
    for rank in range(len(order)):
        at = order[rank]
        if taken[at]:
            continue
        if count == len(ranks):
            break
        ranks[count] = rank
        count += 1
        beside = at + 1
        while beside < len(centres) and centres[beside] - centres[at] <= two:
            taken[beside] = True
            beside += 1
        beside = at - 1
        while beside >= 0 and centres[at] - centres[beside] <= two:
            taken[beside] = True
            beside -= 1
    return ranks[:count]
