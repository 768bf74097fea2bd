"""Looks for recordings in files that were scanned before these were known.

A scan asks an index of all recordings about one file. Here it is the other way round:
a small index of the new recordings is held in memory, and the kept landmarks of file
after file pass by it. Of all that a file could be asked, most is refused by its first
two landmarks; what is left is counted and verified as in a scan, stage by stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import Line, view_of
from recognition.candidates import (
    GRID,
    NEARBY,
    SWEEP,
    Lead,
    Stage,
    fans,
    least_votes,
    open_windows,
    stages,
    warped,
)
from recognition.hashes import (
    Zone,
    mix,
    neighbours,
    place_from,
    reference_hashes,
    zone_of,
)
from recognition.index.kernels import peaks
from recognition.jit import compiled
from recognition.landmarks import select
from recognition.layers import scan_layer
from recognition.levels import silent_frames
from recognition.match import segment_match
from recognition.params import DEFAULT, Params
from recognition.policy import AudioType, ScanPolicy
from recognition.references import References
from recognition.search import Search
from recognition.speech import speech_share
from recognition.types import Fingerprint, Landmarks, SegmentMatch

TOP = 4
"""Offsets of one recording that are looked at in a window; a scan takes as many of
the best of all recordings together."""

_PAIR_BITS = 19
_OFFSET_BITS = 32
_ZERO = 1 << 31  # stands for the offset 0
_FIRST_HITS = 1 << 16  # room that grows when it is full

_Places = tuple[NDArray[np.int32], NDArray[np.float32]]
_Postings = tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int32]]
_Table = tuple[NDArray[np.uint64], NDArray[np.int32], int, _Postings]


@dataclass(frozen=True, slots=True)
class RetroIndex:
    """The hashes of a few recordings, to be asked about many files.

    ``table`` tells which first two landmarks occur at all, then where the hashes that
    begin with the same bits begin, how many bits are behind these, and the sorted
    hashes, with places in ``numbers`` and frames beside them.
    """

    references: Mapping[int, Landmarks]
    numbers: tuple[int, ...]
    table: _Table
    params: Params

    @classmethod
    def of(
        cls, references: Mapping[int, Landmarks], params: Params = DEFAULT
    ) -> RetroIndex:
        """Index recordings by number, one at least."""
        pairs = np.zeros(1 << _PAIR_BITS - 6, dtype=np.uint64)
        parts: list[_Postings] = []
        for place, one in enumerate(references.values()):
            places = (one.frames, one.bins)
            _mark_pairs(places, params.reference_fan, zone_of(params), pairs)
            hashes, frames = reference_hashes(one, params)
            parts.append((hashes, np.full(len(hashes), place, np.int32), frames))
        hashes, owners, frames = _joined(parts)
        # Four places for each hash, so that most of what is asked finds none
        bits = len(hashes).bit_length() + 2
        leads = np.arange(1 << bits, dtype=np.uint32) << np.uint32(32 - bits)
        first = np.append(np.searchsorted(hashes, leads), len(hashes)).astype(np.int32)
        table = (pairs, first, 32 - bits, (hashes, owners, frames))
        return cls(references, tuple(references), table, params)


def search_back(
    query: Fingerprint,
    index: RetroIndex,
    *,
    hours: float,
    policy: ScanPolicy | None = None,
) -> tuple[SegmentMatch, ...]:
    """Every play of the index's recordings in a file that was kept.

    ``query`` needs its scan layer. ``hours`` is the size of the catalogue the file is
    scanned against, on which thresholds and scores depend: so they are those of a scan.
    """
    params = index.params
    dense, level_map = scan_layer(query, params)
    policy = policy or ScanPolicy()
    n_frames = len(level_map.levels) * level_map.frames_per_cell
    silent = np.repeat(silent_frames(level_map, params), level_map.frames_per_cell)
    search = Search(
        view=view_of(dense, level_map, n_frames),
        references=References.held(index.references, params),
        params=params,
        hours=hours,
        closed=silent | ~policy.scanned_frames(query.duration_ms, n_frames, params),
    )
    robust_first = policy.audio_type is AudioType.RECORDED
    for stage in stages(params, robust_first=robust_first, hours=hours):
        if stage.name == SWEEP:
            search.sweep()
        else:
            search.follow_all(_leads(search, index, stage))
    found = (
        segment_match(run, duration_ms=query.duration_ms, hours=hours, params=params)
        for run in search.settled()
    )
    return tuple(
        replace(
            each,
            speech=speech_share(dense, level_map, (each.start_ms, each.end_ms), params),
        )
        for each in found
    )


def _leads(search: Search, index: RetroIndex, stage: Stage) -> Iterator[Lead]:
    """What the recordings propose for the open frames of the file."""
    open_frames = search.open_frames()
    windows = open_windows(open_frames, search.params)
    if not windows:
        return
    params, tempo = search.params, stage.warp.tempo
    landmarks = search.landmarks(stage)
    landmarks = select(landmarks, open_frames[landmarks.frames])
    landmarks = warped(landmarks, stage.warp, params)
    places, keys = _hits(
        (landmarks.frames, landmarks.bins),
        *fans(stage, params),
        zone_of(params),
        index.table,
    )
    bounds = np.rint(np.array(windows) * tempo).astype(np.int32)
    votes = _strongest(
        keys,
        np.searchsorted(places, bounds),
        least_votes(search.hours, params),
        TOP,
    )
    for window, owner, offset, count in votes.tolist():
        line = Line(1 / tempo, -offset / tempo, stage.warp.shift)
        number = index.numbers[owner]
        on_grid = stage.name == GRID
        near = (0.0,) if on_grid else NEARBY
        yield Lead(number, line, windows[window], count, on_grid, near)


def _joined(parts: list[_Postings]) -> _Postings:
    """All postings, ordered by hash."""
    hashes, owners, frames = (
        np.concatenate([np.zeros(0, dtype=kind), *arrays])
        for kind, arrays in zip(
            (np.uint32, np.int32, np.int32), zip(*parts, strict=True), strict=True
        )
    )
    order = np.argsort(hashes, kind="stable")
    return hashes[order], owners[order], frames[order]


@compiled
def _mark_pairs(
    query: _Places,
    fan: int,
    zone: Zone,
    pairs: NDArray[np.uint64],
) -> None:
    """Mark the first two landmarks of every hash of a recording."""
    frames, bins = query
    near = np.empty(fan + 1, dtype=np.int64)
    bounds, times = zone
    for i in range(len(frames)):
        count = neighbours(frames, bins, i, bounds, near)
        for k in range(count - 1):
            second = place_from(frames, bins, i, near[k], times)
            pair = _pair(np.int64(round(bins[i])), second)
            pairs[pair >> 6] |= np.uint64(1) << np.uint64(pair & 63)


@compiled
def _pair(anchor: np.int64, second: np.int64) -> np.int64:
    """The first two landmarks of a hash as one number of ``_PAIR_BITS``."""
    return (anchor << 11 | second >> 8 << 4 | second & 15) & ((1 << _PAIR_BITS) - 1)


@compiled
def _hits(
    query: _Places, fan: int, within: int, zone: Zone, table: _Table
) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
    """Frame of each hash that a recording has too, and that recording with the offset.

    The offset is the recording's frame less the file's, made positive.
    """
    frames, bins = query
    pairs, first, shift, postings = table
    hashes, owners, places = postings
    at = np.empty(_FIRST_HITS, dtype=np.int32)
    keys = np.empty(_FIRST_HITS, dtype=np.uint64)
    near = np.empty(fan + 1, dtype=np.int64)
    bounds, times = zone
    n = 0
    for i in range(len(frames)):
        anchor = np.int64(round(bins[i]))
        count = neighbours(frames, bins, i, bounds, near)
        for k in range(count - 1):
            second = place_from(frames, bins, i, near[k], times)
            pair = _pair(anchor, second)
            if not pairs[pair >> 6] >> np.uint64(pair & 63) & np.uint64(1):
                continue
            for m in range(k + 1, min(count, k + 1 + within)):
                third = place_from(frames, bins, i, near[m], times)
                value = mix(anchor, second, third)
                lead = np.int64(value) >> shift
                j, end = first[lead], first[lead + 1]
                while j < end and hashes[j] < value:
                    j += 1
                while j < end and hashes[j] == value:
                    if n == len(at):
                        at = np.concatenate((at, np.empty_like(at)))
                        keys = np.concatenate((keys, np.empty_like(keys)))
                    offset = np.int64(places[j]) - frames[i] + _ZERO
                    at[n] = frames[i]
                    keys[n] = np.uint64(np.int64(owners[j]) << _OFFSET_BITS | offset)
                    n += 1
                    j += 1
    return at[:n], keys[:n]


@compiled
def _strongest(
    keys: NDArray[np.uint64], edges: NDArray[np.int64], min_votes: int, top: int
) -> NDArray[np.int64]:
    """The best offsets of each recording in each window: window, owner, offset, votes.

    ``edges`` are the first and the last hit of each window. None lies within two
    frames of a stronger one.
    """
    chosen = np.empty((256, 4), dtype=np.int64)
    n = 0
    for window in range(len(edges)):
        low, high = edges[window]
        if high - low < min_votes:
            continue
        centres = np.empty(3 * (high - low), dtype=np.uint64)
        sums = np.empty(len(centres), dtype=np.int64)
        found = peaks(np.sort(keys[low:high]), centres, sums)
        enough = np.flatnonzero(sums[:found] >= min_votes)
        begin = n
        for at in enough[np.argsort(-sums[enough], kind="mergesort")]:
            owner = np.int64(centres[at]) >> _OFFSET_BITS
            offset = (np.int64(centres[at]) & ((1 << _OFFSET_BITS) - 1)) - _ZERO
            of_owner = 0
            for other in range(begin, n):
                if chosen[other, 1] == owner:
                    near = abs(chosen[other, 2] - offset) <= 2
                    of_owner += top if near else 1
            if of_owner >= top:
                continue
            if n == len(chosen):
                chosen = np.concatenate((chosen, np.empty_like(chosen)))
            chosen[n] = (window, owner, offset, sums[at])
            n += 1
    return chosen[:n]
