"""The compiled loops that count votes: by diagonal in a sketch, then exactly.

A vote is a place on a segment's axis and a shift; their sum is its diagonal, which is
the same for all votes of one offset of a recording.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from recognition.index.packing import I64, U8, U32, U64, Lists, recording_at
from recognition.jit import compiled, compiled_part

# A key is a local recording above this many bits of offset, which on a line through a
# window of a query is the same for every vote.
OFFSET_BITS: Final = 33
# While votes are chosen, a key is a diagonal of the axis above this many bits of shift.
SHIFT_BITS: Final = 31
# The most votes that a cell of the sketch counts: three of them fit in a byte.
FULL: Final = 85
# Cells before the first of a sketch, and after the last: copies of the other end.
MARGIN: Final = 2


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
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
