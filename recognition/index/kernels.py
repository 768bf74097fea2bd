"""The compiled loops of the index: packing postings, finding lists, counting votes.

A posting is ``width`` bits: the low bits of the mixed hash above ``axis_bits`` bits
of place on the segment's axis, on which its recordings lie one after the other.
Postings are sorted by mixed hash, then place; ``starts`` tells where those with
equal high bits begin. Pages are checked against their sums when first touched.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled

PAGE_BYTES: Final = 4096
WORDS_PER_PAGE: Final = PAGE_BYTES // 8
STARTS_PER_PAGE: Final = PAGE_BYTES // 4
# Below this many postings a list is searched one by one.
SHORT: Final = 8
# A key is a local recording above this many bits of offset.
OFFSET_BITS: Final = 33
FULL: Final = 65535
# Cells counted together: their counters fit a core's cache.
PART_BITS: Final = 16

U8: TypeAlias = NDArray[np.uint8]
U16: TypeAlias = NDArray[np.uint16]
U32: TypeAlias = NDArray[np.uint32]
U64: TypeAlias = NDArray[np.uint64]
I64: TypeAlias = NDArray[np.int64]
# What comes out of unsigned arrays is made signed before it meets other integers:
# Numba makes a float of the two together.
Int: TypeAlias = int | np.int64


@compiled
def mixed_keys(hashes: U32, low: U32, keys: U64) -> None:
    """``keys``: the hash, mixed to spread evenly, above the 32 bits of ``low``.

    The mixing (lowbias32) is a bijection: different hashes stay different.
    """
    for i in range(len(hashes)):
        x = np.uint32(hashes[i])
        x ^= x >> np.uint32(16)
        x = np.uint32(x * np.uint32(0x7FEB352D))
        x ^= x >> np.uint32(15)
        x = np.uint32(x * np.uint32(0x846CA68B))
        x ^= x >> np.uint32(16)
        keys[i] = (np.uint64(x) << np.uint64(32)) | np.uint64(low[i])


@compiled
def page_sum(page: U64, number: int) -> np.uint64:
    """Changes with any change of one word, and with the place of the page."""
    odd = np.uint64(0x9E3779B97F4A7C15)
    total = np.uint64(number + 1) * odd
    for word in page:
        total = (total ^ word) * odd
        total ^= total >> np.uint64(29)
    return total


@compiled
def sum_pages(words: U64, sums: U64) -> None:
    """The sums of all pages."""
    for number in range(len(sums)):
        start = number * WORDS_PER_PAGE
        sums[number] = page_sum(words[start : start + WORDS_PER_PAGE], number)


@compiled
def first_bad_page(words: U64, sums: U64) -> int:
    """The number of the first page that is not what was written, or -1."""
    for number in range(len(sums)):
        start = number * WORDS_PER_PAGE
        if page_sum(words[start : start + WORDS_PER_PAGE], number) != sums[number]:
            return number
    return -1


@compiled
def _sound(data: U64, sums: U64, checked: U8, first: Int, last: Int) -> bool:
    """Whether the pages ``first`` to ``last`` are as written, looked at once each."""
    for number in range(first, last + 1):
        if checked[number] == 0:
            start = number * WORDS_PER_PAGE
            found = page_sum(data[start : start + WORDS_PER_PAGE], number)
            if found != sums[number]:
                return False
            checked[number] = 1
    return True


@compiled
def _bits_at(words: U64, bit: np.uint64) -> np.uint64:
    """The 64 bits from ``bit`` on. All unsigned, or Numba makes it ten times slower."""
    at = bit >> np.uint64(6)
    shift = bit & np.uint64(63)
    low: np.uint64 = words[at] >> shift
    high: np.uint64 = words[at + np.uint64(1)] << np.uint64(1)
    return low | (high << (np.uint64(63) - shift))


@compiled
def _posting(words: U64, index: Int, width: int) -> np.uint64:
    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    return _bits_at(words, np.uint64(index) * np.uint64(width)) & mask


@compiled
def _lower_bound(
    words: U64, first: Int, last: Int, width: int, wanted: np.uint64
) -> Int:
    """The first posting of ``first`` … ``last`` that is not below ``wanted``."""
    while last - first > SHORT:
        middle = (first + last) >> 1
        if _posting(words, middle, width) < wanted:
            first = middle + 1
        else:
            last = middle
    while first < last and _posting(words, first, width) < wanted:
        first += 1
    return first


@compiled
def _recording_at(bases: U32, place: Int) -> int:
    """The last recording that begins at or before ``place``; the first begins at 0."""
    first, last = 0, len(bases)
    while last - first > 1:
        middle = (first + last) >> 1
        if bases[middle] <= place:
            first = middle
        else:
            last = middle
    return first


@compiled
def find_lists(
    keys: U64,
    pages: tuple[U64, U64, U8],
    shape: tuple[int, int, int, int],
    longest: int,
    firsts: I64,
    counts: I64,
) -> int:
    """Where the postings of each key's hash lie; their number, -1 if damaged.

    ``shape`` is bucket bits, axis bits, the page at which postings begin, and how
    many there are; ``pages`` the data, its sums and which pages were checked. Lists
    of more than ``longest`` are skipped.
    """
    data, sums, checked = pages
    bucket_bits, axis_bits, words_page, postings = shape
    low_bits = 32 - bucket_bits
    width = low_bits + axis_bits
    starts = data.view(np.uint32)
    words = data[words_page * WORDS_PER_PAGE :]
    low_mask = (np.uint64(1) << np.uint64(low_bits)) - np.uint64(1)
    total = 0
    for i in range(len(keys)):
        mixed = keys[i] >> np.uint64(32)
        if i and mixed == keys[i - 1] >> np.uint64(32):
            firsts[i], counts[i] = firsts[i - 1], counts[i - 1]
            total += counts[i]
            continue
        bucket = np.int64(mixed >> np.uint64(low_bits))
        if not _sound(
            data,
            sums,
            checked,
            bucket // STARTS_PER_PAGE,
            (bucket + 1) // STARTS_PER_PAGE,
        ):
            return -1
        first, last = np.int64(starts[bucket]), np.int64(starts[bucket + 1])
        counts[i] = 0
        if first >= last:
            continue
        if last > postings or not _sound(
            data,
            sums,
            checked,
            words_page + ((first * width) >> 15),
            words_page + ((last * width - 1) >> 15),
        ):
            return -1
        wanted = (mixed & low_mask) << np.uint64(axis_bits)
        beyond = wanted + (np.uint64(1) << np.uint64(axis_bits))
        firsts[i] = _lower_bound(words, first, last, width, wanted)
        end = firsts[i]
        if end < last and _posting(words, end, width) < beyond:
            end = _lower_bound(words, end, last, width, beyond)
        if end - firsts[i] <= longest:
            counts[i] = end - firsts[i]
            total += counts[i]
    return total


@compiled
def count_votes(
    words: U64,
    geometry: tuple[int, int],
    lists: tuple[I64, I64, I64],
    sketch: U16,
) -> None:
    """Count each vote in the cell of its diagonal, modulo the sketch's length.

    ``geometry`` is posting width and axis bits; ``lists`` the first postings, their
    counts, and what to add to a place to get its diagonal.
    """
    width, axis_bits = np.uint64(geometry[0]), np.uint64(geometry[1])
    firsts, counts, shifts = lists
    mask = np.uint64(len(sketch) - 1)
    axis_mask = (np.uint64(1) << axis_bits) - np.uint64(1)
    for i in range(len(firsts)):
        shift = np.uint64(shifts[i])
        bit = np.uint64(firsts[i]) * width
        for _ in range(counts[i]):
            place = _bits_at(words, bit) & axis_mask
            cell = (place + shift) & mask
            votes = sketch[cell]
            sketch[cell] = votes + np.uint16(votes < FULL)
            bit += width


@compiled
def count_many_votes(
    words: U64,
    geometry: tuple[int, int],
    lists: tuple[I64, I64, I64],
    sketch: U16,
    room: tuple[U32, U32, I64],
) -> None:
    """Like ``count_votes`` for a sketch beyond the caches: sorted into parts first.

    ``room`` is two arrays for the cells of one round, and a place for each part of
    2 ** ``PART_BITS`` cells.
    """
    width, axis_bits = np.uint64(geometry[0]), np.uint64(geometry[1])
    firsts, counts, shifts = lists
    cells, sorted_cells, places = room
    mask = np.uint64(len(sketch) - 1)
    axis_mask = (np.uint64(1) << axis_bits) - np.uint64(1)
    at, done = 0, 0
    while at < len(firsts):
        filled = 0
        places[:] = 0
        while at < len(firsts) and filled < len(cells):
            shift = np.uint64(shifts[at])
            bit = np.uint64(firsts[at] + done) * width
            taken = min(counts[at] - done, len(cells) - filled)
            for _ in range(taken):
                cell = ((_bits_at(words, bit) & axis_mask) + shift) & mask
                cells[filled] = cell
                places[cell >> np.uint64(PART_BITS)] += 1
                filled += 1
                bit += width
            done += taken
            if done == counts[at]:
                at, done = at + 1, 0
        _sort_into_parts(cells[:filled], places, sorted_cells)
        for index in range(filled):
            votes = sketch[sorted_cells[index]]
            sketch[sorted_cells[index]] = votes + np.uint16(votes < FULL)


@compiled
def _sort_into_parts(cells: U32, places: I64, sorted_cells: U32) -> None:
    """Order by part; ``places`` comes with the number of cells in each."""
    total = 0
    for part in range(len(places)):
        size = places[part]
        places[part] = total
        total += size
    for cell in cells:
        part = cell >> np.uint32(PART_BITS)
        sorted_cells[places[part]] = cell
        places[part] += 1


@compiled
def vote_histogram(sketch: U16, histogram: I64) -> None:
    """How many votes lie in cells whose sum with both neighbours is n, by n."""
    size = len(sketch)
    top = len(histogram) - 1
    before, here = np.int64(sketch[size - 1]), np.int64(sketch[0])
    for cell in range(size):
        after = np.int64(sketch[cell + 1 if cell + 1 < size else 0])
        votes = before + here + after
        histogram[votes if votes < top else top] += votes
        before, here = here, after


@compiled
def mark_cells(sketch: U16, least: int, marked: U64) -> None:
    """Set the bits of cells of sums of at least ``least``, and of their neighbours."""
    size = len(sketch)
    before, here = np.int64(sketch[size - 1]), np.int64(sketch[0])
    for cell in range(size):
        after = np.int64(sketch[cell + 1 if cell + 1 < size else 0])
        if before + here + after >= least:
            _mark(marked, cell - 1 if cell else size - 1)
            _mark(marked, cell)
            _mark(marked, cell + 1 if cell + 1 < size else 0)
        before, here = here, after


@compiled
def _mark(marked: U64, cell: int) -> None:
    marked[cell >> 6] |= np.uint64(1) << np.uint64(cell & 63)


@compiled
def collect_votes(
    words: U64,
    geometry: tuple[int, int],
    lists: tuple[I64, I64, I64],
    marked: U64,
    recordings: tuple[U32, U8],
    keys: U64,
) -> int:
    """Exact keys (local recording, offset) of the votes in marked cells.

    ``recordings`` are the places where recordings begin, and which are removed.
    Returns how many; more than fit in ``keys`` are only counted.
    """
    width, axis_bits = np.uint64(geometry[0]), np.uint64(geometry[1])
    firsts, counts, shifts = lists
    bases, dead = recordings
    mask = np.uint64(len(marked) * 64 - 1)
    axis_mask = (np.uint64(1) << axis_bits) - np.uint64(1)
    found = 0
    for i in range(len(firsts)):
        shift = np.uint64(shifts[i])
        bit = np.uint64(firsts[i]) * width
        for _ in range(counts[i]):
            place = _bits_at(words, bit) & axis_mask
            bit += width
            cell = (place + shift) & mask
            word = marked[cell >> np.uint64(6)]
            if (word >> (cell & np.uint64(63))) & np.uint64(1) == 0:
                continue
            local = _recording_at(bases, np.int64(place))
            if local >= len(dead) or dead[local]:
                continue
            if found < len(keys):
                offset = place - np.uint64(bases[local]) + shift
                keys[found] = (np.uint64(local) << np.uint64(OFFSET_BITS)) | offset
            found += 1
    return found


@compiled
def peaks(keys: U64, centres: U64, sums: I64) -> int:
    """Distinct places of sorted ``keys`` with the votes of both neighbours added.

    Also between two places that both have votes, where none has itself. Returns
    how many; ``centres`` and ``sums`` have room for three a key.
    """
    found = 0
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
            sums[found - 1] += votes
            sums_here = votes + before_votes
        else:
            if before_votes and before + two == key:
                centres[found] = before + one
                sums[found] = before_votes + votes
                found += 1
            sums_here = votes
        centres[found] = key
        sums[found] = sums_here
        found += 1
        before, before_votes = key, votes
    return found


@compiled
def pack(
    keys: U64, first: int, bucket_bits: int, axis_bits: int, words: U64, starts: U32
) -> None:
    """Write sorted ``keys`` (mixed hash, place) as the postings from ``first`` on.

    ``starts`` counts, one place late, how many postings each bucket holds.
    """
    low_bits = 32 - bucket_bits
    width = low_bits + axis_bits
    low_mask = (np.uint64(1) << np.uint64(low_bits)) - np.uint64(1)
    place_mask = np.uint64(0xFFFFFFFF)
    for i in range(len(keys)):
        mixed = keys[i] >> np.uint64(32)
        starts[np.int64(mixed >> np.uint64(low_bits)) + 1] += 1
        value = (mixed & low_mask) << np.uint64(axis_bits) | keys[i] & place_mask
        bit = (first + i) * width
        at = bit >> 6
        shift = bit & 63
        words[at] |= value << np.uint64(shift)
        if shift + width > 64:
            words[at + 1] |= value >> np.uint64(64 - shift)


@compiled
def unpack(
    words: U64,
    starts: U32,
    shape: tuple[int, int, int, int],
    recordings: tuple[U32, U32, U8],
    keys: U64,
) -> int:
    """Keys (mixed hash, new place) of the postings in a range of buckets.

    ``shape`` is bucket bits, axis bits, first and last bucket; ``recordings`` where
    recordings begin, where they shall begin, and which are left out.
    """
    bucket_bits, axis_bits, first_bucket, last_bucket = shape
    low_bits = 32 - bucket_bits
    width = low_bits + axis_bits
    axis_mask = (np.uint64(1) << np.uint64(axis_bits)) - np.uint64(1)
    bases, new_bases, dead = recordings
    found = 0
    for bucket in range(first_bucket, last_bucket):
        for index in range(starts[bucket], starts[bucket + 1]):
            value = _posting(words, index, width)
            place = np.int64(value & axis_mask)
            local = _recording_at(bases, place)
            if dead[local]:
                continue
            low = value >> np.uint64(axis_bits)
            mixed = np.uint64(bucket) << np.uint64(low_bits) | low
            moved = place - np.int64(bases[local]) + np.int64(new_bases[local])
            keys[found] = mixed << np.uint64(32) | np.uint64(moved)
            found += 1
    return found
