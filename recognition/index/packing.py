"""The compiled loops over packed postings: write them, find their lists, read places.

A posting has ``width`` bits: the low bits of the mixed hash above ``axis_bits`` bits of
place. Places are positions on the segment's axis, on which its recordings lie one after
another. Postings are sorted by mixed hash, then place; ``starts`` holds where those
with equal high bits begin. Each page is checked against its checksum on first use.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled, compiled_part

PAGE_BYTES: Final = 4096
WORDS_PER_PAGE: Final = PAGE_BYTES // 8
STARTS_PER_PAGE: Final = PAGE_BYTES // 4
WORDS_PER_LINE: Final = 8  # of the processor's cache
# For fewer postings a linear search is faster than a binary one.
SHORT: Final = 8
# Places on the axis for each entry of a guide to its recordings.
GUIDED: Final = 1 << 12
# High bits of a mixed hash that lookups are ordered by. The index pages of a group fit
# into a core's cache.
GROUP_BITS: Final = 11
# Posting lists prefetched together: their pages fit into a core's cache.
AHEAD: Final = 256

U8: TypeAlias = NDArray[np.uint8]
U32: TypeAlias = NDArray[np.uint32]
U64: TypeAlias = NDArray[np.uint64]
I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]
# Values from unsigned arrays are made signed before they meet other integers, because
# Numba converts a mixture of the two to float.
Int: TypeAlias = int | np.int64

Lists: TypeAlias = tuple[I64, I64, I64, I64]
"""Of each posting list: its first posting, their number, the shift from a place to its
diagonal, and the votes of each posting."""


@compiled_part
def _mixed(value: np.uint32) -> np.uint32:
    """Return a hash with its bits mixed (lowbias32).

    This spreads hashes evenly and is a bijection, so different hashes stay different.
    """
    x = np.uint32(value)
    x ^= x >> np.uint32(16)
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x ^= x >> np.uint32(15)
    x = np.uint32(x * np.uint32(0x846CA68B))
    x ^= x >> np.uint32(16)
    return x


@compiled
def mixed_keys(hashes: U32, low: U32, keys: U64) -> None:
    """Fill ``keys`` with the mixed hash above the 32 bits of ``low``."""
    for i in range(len(hashes)):
        keys[i] = (np.uint64(_mixed(hashes[i])) << np.uint64(32)) | np.uint64(low[i])


@compiled
def grouped_keys(hashes: U32, keys: U64) -> None:
    """Fill ``keys`` with the mixed hash above the hash's number, by rising group.

    A group holds the mixed hashes with equal high bits, in the order of their numbers.
    So lookups go through the index from begin to end, as after a sort that takes ten
    times as long.
    """
    down = np.uint32(32 - GROUP_BITS)
    places = np.zeros((1 << GROUP_BITS) + 1, dtype=np.int64)
    for value in hashes:
        places[(_mixed(value) >> down) + np.uint32(1)] += 1
    for number in range(1 << GROUP_BITS):
        places[number + 1] += places[number]
    for i in range(len(hashes)):
        mixed = _mixed(hashes[i])
        group = mixed >> down
        keys[places[group]] = (np.uint64(mixed) << np.uint64(32)) | np.uint64(i)
        places[group] += 1


@compiled
def page_sum(page: U64, number: int) -> np.uint64:
    """Return a checksum that changes with any word and with the page's number."""
    odd = np.uint64(0x9E3779B97F4A7C15)
    total = np.uint64(number + 1) * odd
    for word in page:
        total = (total ^ word) * odd
        total ^= total >> np.uint64(29)
    return total


@compiled
def sum_pages(words: U64, sums: U64) -> None:
    """Fill ``sums`` with the checksums of all pages."""
    for number in range(len(sums)):
        start = number * WORDS_PER_PAGE
        sums[number] = page_sum(words[start : start + WORDS_PER_PAGE], number)


@compiled
def first_bad_page(words: U64, sums: U64) -> int:
    """Return the number of the first damaged page, or -1."""
    for number in range(len(sums)):
        start = number * WORDS_PER_PAGE
        if page_sum(words[start : start + WORDS_PER_PAGE], number) != sums[number]:
            return number
    return -1


@compiled_part
def _sound(data: U64, sums: U64, checked: U8, first: Int, last: Int) -> bool:
    """Return whether pages ``first`` to ``last`` are intact; checks each page once."""
    for number in range(first, last + 1):
        if checked[number] == 0:
            start = number * WORDS_PER_PAGE
            checksum = page_sum(data[start : start + WORDS_PER_PAGE], number)
            if checksum != sums[number]:
                return False
            checked[number] = 1
    return True


@compiled_part
def _are_checked(checked: U8, first: Int, last: Int) -> bool:
    """Return whether one page or two are known to be intact; False for more pages.

    Far cheaper than the call of ``_sound`` that it saves.
    """
    return bool(last - first <= 1) and bool(checked[first] & checked[last])


@compiled_part
def _bits_at(words: U64, bit: np.uint64) -> np.uint64:
    """Return the 64 bits starting at ``bit``.

    All operands are unsigned, because mixed types make Numba's code ten times slower.
    """
    at = bit >> np.uint64(6)
    shift = bit & np.uint64(63)
    low: np.uint64 = words[at] >> shift
    high: np.uint64 = words[at + np.uint64(1)] << np.uint64(1)
    return low | (high << (np.uint64(63) - shift))


@compiled_part
def _posting(words: U64, index: Int, width: int) -> np.uint64:
    mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
    return _bits_at(words, np.uint64(index) * np.uint64(width)) & mask


@compiled_part
def _lower_bound(words: U64, first: Int, last: Int, width: int, bound: np.uint64) -> Int:
    """Return the first posting of ``first`` … ``last`` that is not below ``bound``."""
    while last - first > SHORT:
        middle = (first + last) >> 1
        if _posting(words, middle, width) < bound:
            first = middle + 1
        else:
            last = middle
    while first < last and _posting(words, first, width) < bound:
        first += 1
    return first


@compiled_part
def recording_at(bases: U32, guide: U32, place: Int) -> int:
    """Return the last recording that begins at or before ``place``.

    ``guide`` holds the answer for the first place of each ``GUIDED`` places, which is at
    most a few recordings away.
    """
    local = np.int64(guide[place // GUIDED])
    while local + 1 < len(bases) and bases[local + 1] <= place:
        local += 1
    return int(local)


@compiled_part
def _read_ahead(
    keys: U64, pages: tuple[U32, U64], shape: tuple[int, int, int], bounds: I64
) -> np.uint64:
    """Fill ``bounds`` with the first posting and the last of each hash's bucket.

    Touches the cache lines of each bucket, as far as it has four, so that the processor
    waits for all at once. ``shape`` is the low bits of a hash, posting width and number
    of postings.
    """
    starts, words = pages
    low_bits, width, postings = shape
    for i in range(len(keys)):
        bucket = np.int64((keys[i] >> np.uint64(32)) >> np.uint64(low_bits))
        bounds[i, 0] = starts[bucket]
        bounds[i, 1] = starts[bucket + 1]
    touched = np.uint64(0)
    for i in range(len(keys)):
        first = (min(bounds[i, 0], postings) * width) >> 6
        last = (min(bounds[i, 1], postings) * width) >> 6
        touched ^= words[first] ^ words[last]
        touched ^= words[min(first + WORDS_PER_LINE, last)]
        touched ^= words[min(first + 2 * WORDS_PER_LINE, last)]
    return touched


@compiled
def find_lists(
    keys: U64,
    pages: tuple[U64, U64, U8],
    shape: tuple[int, int, int, int],
    longest: int,
    firsts: I64,
    counts: I64,
) -> tuple[int, np.uint64]:
    """Find the posting list of each hash; return the total length, -1 if damaged.

    ``keys`` are from ``grouped_keys``; ``firsts`` and ``counts`` are filled by that number. ``pages`` are the data, the checksums and
    the pages already checked; ``shape`` is bucket bits, axis bits, the first page of
    postings, and the number of postings. Lists longer than ``longest`` are skipped.

    As in ``read_places``, pages are touched ``AHEAD`` at a time, and the second value
    only keeps the compiler from removing these reads.
    """
    data, sums, checked = pages
    bucket_bits, axis_bits, words_page, postings = shape
    low_bits = 32 - bucket_bits
    width = low_bits + axis_bits
    starts = data.view(np.uint32)
    words = data[words_page * WORDS_PER_PAGE :]
    low_mask = (np.uint64(1) << np.uint64(low_bits)) - np.uint64(1)
    bounds = np.empty((AHEAD, 2), dtype=np.int64)
    total = 0
    touched = np.uint64(0)
    before, mixed_before = np.int64(-1), np.uint64(0)
    for block in range(0, len(keys), AHEAD):
        stop = min(block + AHEAD, len(keys))
        touched ^= _read_ahead(
            keys[block:stop], (starts, words), (low_bits, width, postings), bounds
        )
        for i in range(block, stop):
            number = np.int64(keys[i] & np.uint64(0xFFFFFFFF))
            mixed = keys[i] >> np.uint64(32)
            if before >= 0 and mixed == mixed_before:
                firsts[number], counts[number] = firsts[before], counts[before]
                total += counts[number]
                continue
            before, mixed_before = number, mixed
            counts[number] = 0
            bucket = np.int64(mixed >> np.uint64(low_bits))
            page, to = bucket // STARTS_PER_PAGE, (bucket + 1) // STARTS_PER_PAGE
            is_checked = _are_checked(checked, page, to)
            if not is_checked and not _sound(data, sums, checked, page, to):
                return -1, touched
            first, last = bounds[i - block, 0], bounds[i - block, 1]
            if first >= last:
                continue
            if last > postings:
                return -1, touched
            page = words_page + ((first * width) >> 15)
            to = words_page + ((last * width - 1) >> 15)
            is_checked = _are_checked(checked, page, to)
            if not is_checked and not _sound(data, sums, checked, page, to):
                return -1, touched
            lowest = (mixed & low_mask) << np.uint64(axis_bits)
            beyond = lowest + (np.uint64(1) << np.uint64(axis_bits))
            firsts[number] = _lower_bound(words, first, last, width, lowest)
            end = firsts[number]
            if end < last and _posting(words, end, width) < beyond:
                end = _lower_bound(words, end, last, width, beyond)
            if end - firsts[number] <= longest:
                counts[number] = end - firsts[number]
                total += counts[number]
    return total, touched


@compiled_part
def lists_of(firsts: I64, counts: I64, frames: I32) -> tuple[Lists, tuple[int, int], int]:
    """Return the lists that the hashes of a window found, the numbers of their postings
    and votes, and the last frame that has a list.

    ``firsts`` and ``counts`` are by hash. A hash that comes several times in a row is
    read once and has as many votes. Shifts count back from the last frame, so that none
    is negative.
    """
    n = len(counts)
    chosen, repeats = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    count, postings, votes, last = 0, 0, 0, 0
    for i in range(n):
        if counts[i] == 0:
            continue
        votes += counts[i]
        last = max(last, frames[i])
        if count:
            before = chosen[count - 1]
            if firsts[before] == firsts[i] and frames[before] == frames[i]:
                repeats[count - 1] += 1
                continue
        chosen[count], repeats[count] = i, 1
        postings += counts[i]
        count += 1
    chosen = chosen[:count]
    lists = (
        firsts[chosen],
        counts[chosen],
        last - frames[chosen].astype(np.int64),
        repeats[:count].copy(),
    )
    return lists, (postings, votes), last


@compiled_part
def read_places(words: U64, geometry: tuple[int, int], lists: Lists, places: U32) -> np.uint64:
    """Unpack the places of all postings of some lists, one list after the other.

    ``geometry`` is posting width and axis bits. Each list lies in another page, so
    the starts of ``AHEAD`` lists are touched first: the processor then waits for all
    these pages at once. The return value only keeps the compiler from removing these
    reads.
    """
    width, axis_bits = np.uint64(geometry[0]), np.uint64(geometry[1])
    firsts, counts, _, _ = lists
    axis_mask = (np.uint64(1) << axis_bits) - np.uint64(1)
    count = 0
    touched = np.uint64(0)
    for start in range(0, len(firsts), AHEAD):
        stop = min(start + AHEAD, len(firsts))
        for i in range(start, stop):
            bit = np.uint64(firsts[i]) * width
            touched ^= words[bit >> np.uint64(6)]
            touched ^= words[(bit + np.uint64(counts[i]) * width) >> np.uint64(6)]
        for i in range(start, stop):
            bit = np.uint64(firsts[i]) * width
            for _ in range(counts[i]):
                places[count] = _bits_at(words, bit) & axis_mask
                count += 1
                bit += width
    return touched


@compiled
def pack(keys: U64, first: int, bucket_bits: int, axis_bits: int, words: U64, starts: U32) -> None:
    """Write sorted ``keys`` (mixed hash, place) as the postings from ``first`` on.

    ``starts`` counts the postings of each bucket, one place later, so that a cumulative
    sum turns it into the directory.
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
    recordings: tuple[U32, U32, U32, U8],
    keys: U64,
) -> int:
    """Fill ``keys`` with (mixed hash, new place) of the postings in a range of buckets.

    ``shape`` is bucket bits, axis bits, first and last bucket; ``recordings`` are the
    old beginnings of recordings, the guide to them, their new beginnings, and which to
    leave out. Returns the number of keys.
    """
    bucket_bits, axis_bits, first_bucket, last_bucket = shape
    low_bits = 32 - bucket_bits
    width = low_bits + axis_bits
    axis_mask = (np.uint64(1) << np.uint64(axis_bits)) - np.uint64(1)
    bases, guide, new_bases, dead = recordings
    count = 0
    for bucket in range(first_bucket, last_bucket):
        for index in range(starts[bucket], starts[bucket + 1]):
            value = _posting(words, index, width)
            place = np.int64(value & axis_mask)
            local = recording_at(bases, guide, place)
            if dead[local]:
                continue
            low = value >> np.uint64(axis_bits)
            mixed = np.uint64(bucket) << np.uint64(low_bits) | low
            moved = place - np.int64(bases[local]) + np.int64(new_bases[local])
            keys[count] = mixed << np.uint64(32) | np.uint64(moved)
            count += 1
    return count
