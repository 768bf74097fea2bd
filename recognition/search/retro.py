"""Search files that were scanned before certain recordings were in the catalogue.

A scan looks up one file in an index of all recordings. Here a small index of the new
recordings stays in memory, and the stored landmarks of one file after another are
looked up in it. Most lookups end after two landmarks; the rest is counted and verified
as in a scan, stage by stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recognition import interrupts
from recognition.fingerprints.file_format import scan_layer
from recognition.fingerprints.hashes import (
    Zone,
    bins_between,
    mix,
    neighbours,
    place_from,
    reference_hashes,
    zone_of,
)
from recognition.fingerprints.landmarks import select
from recognition.fingerprints.levels import silent_frames
from recognition.index.ballots import peaks
from recognition.index.places import References
from recognition.jit import compiled, compiled_part
from recognition.params import DEFAULT, Params
from recognition.search.candidates import (
    NEARBY,
    ON_GRID,
    SWEPT,
    SearchStage,
    Warp,
    fans,
    fewest_votes,
    following,
    stages,
    windows_of,
)
from recognition.search.cascade import Search
from recognition.search.match import segment_match, with_band
from recognition.search.pauses import joined_over_pauses
from recognition.search.policy import CaptureType, ScanPolicy
from recognition.types import Fingerprint, Landmarks, SegmentMatch
from recognition.verify.alignment import Alignment, Lead, view_of

TOP = 4
"""Offsets of one recording that are followed per window.

A scan follows as many of the best offsets of all recordings together.
"""

_PAIR_BITS = 19
_OFFSET_BITS = 32
_ZERO = 1 << 31  # stands for offset 0, since keys are unsigned
_FIRST_HITS = 1 << 16  # initial capacity; the arrays grow when full
# Bound on landmarks × hashes × warps searched together: about 64 MB of hits.
_PAIRINGS = 10**13
# A hash at more places, as a beeping tone has, says nothing; scans skip it, too.
_MOST_PLACES = 300
# The most hits kept of a file, about 256 MB. Music found in itself has 50 a second, a loop
# of two seconds some thousands.
_MOST_HITS = 1 << 24
# Landmarks and windows looked up at a stretch, in well under a second.
_LANDMARKS_AT_ONCE = 1 << 14
_WINDOWS_AT_ONCE = 256
_OUTSIDE = -1  # the coarse time of a distance that no hash has

_Places = tuple[NDArray[np.int32], NDArray[np.float32]]
_Warps = tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.int64], NDArray[np.int32]]
_Hits = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint64]]
_Postings = tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int32]]
_Table = tuple[NDArray[np.uint64], NDArray[np.int32], int, _Postings]


@dataclass(frozen=True, slots=True)
class RetroIndex:
    """The hashes of a few recordings, for lookups from many files.

    ``table`` holds: a bit set of (first landmark, other landmark) pairs that occur in
    hashes; for each leading-bits value, where its hashes begin; the number of the
    remaining bits; and the sorted hashes with their recordings (as positions in
    ``numbers``) and frames.
    """

    references: Mapping[int, Landmarks]
    numbers: tuple[int, ...]
    table: _Table
    params: Params

    @property
    def n_hashes(self) -> int:
        """Number of hashes of all recordings together."""
        return len(self.table[3][0])

    @classmethod
    def of(cls, references: Mapping[int, Landmarks], params: Params = DEFAULT) -> RetroIndex:
        """Build the index from recordings by number; at least one is needed."""
        pairs = np.zeros(1 << _PAIR_BITS - 6, dtype=np.uint64)
        parts: list[_Postings] = []
        for place, landmarks in enumerate(references.values()):
            places = (landmarks.frames, landmarks.bins)
            _mark_pairs(places, params.reference_fan, zone_of(params), pairs)
            hashes, frames = reference_hashes(landmarks, params)
            parts.append((hashes, np.full(len(hashes), place, np.int32), frames))
        hashes, owners, frames = (
            np.concatenate([np.zeros(0, dtype=kind), *arrays])
            for kind, arrays in zip(
                (np.uint32, np.int32, np.int32), zip(*parts, strict=True), strict=True
            )
        )
        order = np.argsort(hashes, kind="stable")
        order = order[_is_rare(hashes[order])]
        hashes, owners, frames = hashes[order], owners[order], frames[order]
        # Four table entries per hash, so that most lookups find an empty one.
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
    todo: Sequence[SearchStage] | None = None,
    closed: NDArray[np.bool_] | None = None,
) -> tuple[SegmentMatch, ...]:
    """Return every segment of the index's recordings in a stored file.

    ``query`` needs its scan layer. ``hours`` is the size of the whole catalogue, on
    which thresholds and scores depend, so that they equal those of a scan. ``todo``
    replaces the stages of a scan, and ``closed`` marks frames not to search.
    """
    params = index.params.for_file(query.duration_ms)
    dense, level_map = scan_layer(query, params)
    policy = policy or ScanPolicy()
    n_frames = len(level_map.levels) * level_map.frames_per_cell
    silent = np.repeat(silent_frames(level_map, params), level_map.frames_per_cell)
    skipped = silent | ~policy.scanned_frames(query.duration_ms, n_frames, params)
    search = Search(
        view=view_of(dense, level_map, n_frames, params),
        references=References.held(index.references, params),
        params=params,
        hours=hours,
        closed=skipped if closed is None else skipped | closed,
    )
    robust_first = policy.audio_type is CaptureType.RECORDED
    follows = todo is None
    if todo is None:
        todo = stages(params, robust_first=robust_first, hours=hours, widely=policy.widely)
    grid = [stage for stage in todo if stage.name in ON_GRID]
    proposals = _ProposedLeads(search, index, grid)

    def run(todo: Sequence[SearchStage]) -> None:
        for stage in todo:
            if stage.name in SWEPT:
                # A few recordings are swept in every window, however large the catalogue is.
                search.sweep(replace(stage, hours=0.0))
            else:
                search.follow_all(proposals.leads(stage))

    run(todo)
    if follows:
        run(following(search.changes(), params, hours=hours))
    matches = [
        with_band(
            segment_match(run, duration_ms=query.duration_ms, hours=hours, params=params),
            run,
            search,
        )
        for run in search.settled()
    ]
    return tuple(joined_over_pauses(matches, silent, hours=hours, params=params))


@dataclass
class _ProposedLeads:
    """The leads that a few recordings propose for one file.

    A landmark has the same neighbours at every tempo and pitch, so the hits of as many
    stages of the ``grid`` as fit into memory (``at_once``) are found together and kept
    in ``grid_hits``, for the frames ``covered``.
    """

    search: Search
    index: RetroIndex
    grid: Sequence[SearchStage]
    at_once: list[SearchStage] = field(default_factory=list)
    grid_hits: _Hits | None = None
    covered: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def leads(self, stage: SearchStage) -> Iterator[Lead]:
        """Yield the leads of a stage for the open frames of the file."""
        search = self.search
        open_frames = search.open_frames(stage)
        windows = windows_of(stage, open_frames, search.params)
        if not windows:
            return
        on_grid = stage.name in ON_GRID
        if on_grid:
            searched = np.zeros(len(open_frames), dtype=np.bool_)
            for start, end in windows:
                searched[start:end] = open_frames[start:end]
            frames, keys = self._hits_on_grid(stage, searched)
        else:
            _, frames, keys = self._hits(stage, [stage.warp], open_frames)
        edges = np.searchsorted(frames, np.array(windows, dtype=np.int32))
        least, tempo = fewest_votes(stage, search.params), stage.warp.tempo
        near = (0.0,) if on_grid else NEARBY
        for begin in range(0, len(windows), _WINDOWS_AT_ONCE):
            interrupts.look()
            part = slice(begin, begin + _WINDOWS_AT_ONCE)
            votes = _strongest(keys, edges[part], least, TOP)
            for window, owner, offset, count in votes.tolist():
                alignment = Alignment(1 / tempo, -offset / tempo, stage.warp.shift)
                number, where = self.index.numbers[owner], windows[begin + window]
                yield Lead(number, alignment, where, count, on_grid, near)

    def _hits_on_grid(
        self, stage: SearchStage, open_frames: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], NDArray[np.uint64]]:
        """Return frames and keys of the hits at a stage's warp, in these frames."""
        is_current = self.grid_hits is not None and stage in self.at_once
        if not is_current or (open_frames & ~self.covered).any():
            first = self.grid.index(stage)
            alike = [line for line in self.grid[first:] if line.name == stage.name]
            landmarks = self.search.landmarks(stage).frames
            pairings = max(1, len(landmarks) * self.index.n_hashes)
            self.at_once = alike[: max(1, _PAIRINGS // pairings)]
            warps = [line.warp for line in self.at_once]
            self.grid_hits = self._hits(stage, warps, open_frames)
            self.covered = open_frames
        assert self.grid_hits is not None  # noqa: S101  just found
        which, frames, keys = self.grid_hits
        here = np.flatnonzero(which == self.at_once.index(stage))
        chosen = here[open_frames[frames[here]]]
        return frames[chosen], keys[chosen]

    def _hits(
        self, stage: SearchStage, changes: Sequence[Warp], open_frames: NDArray[np.bool_]
    ) -> _Hits:
        params, landmarks = self.search.params, self.search.landmarks(stage)
        landmarks = select(landmarks, open_frames[landmarks.frames])
        places, warps = (landmarks.frames, landmarks.bins), _warps(changes, params)
        parts: list[_Hits] = []
        taken = 0
        for begin in range(0, max(1, len(landmarks.frames)), _LANDMARKS_AT_ONCE):
            interrupts.look()
            part = begin, min(begin + _LANDMARKS_AT_ONCE, len(landmarks.frames))
            limits = _MOST_HITS, taken, params.window_frames
            fan = fans(stage, params)
            parts.append(_hits(places, part, fan, warps, self.index.table, limits))
            taken += len(parts[-1][0])
        which, frames, keys = zip(*parts, strict=True)
        return np.concatenate(which), np.concatenate(frames), np.concatenate(keys)


def _is_rare(hashes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which of some sorted hashes occur at no more than ``_MOST_PLACES``."""
    _, which, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    rare: NDArray[np.bool_] = counts[which] <= _MOST_PLACES
    return rare


def _warps(grid: Sequence[Warp], params: Params) -> _Warps:
    """Return the tables of several warps.

    Tempi; shifts in bins; the coarse time in a hash for each distance in frames [warp,
    frame], or ``_OUTSIDE``; and the bounds of the zone that holds a landmark's
    neighbours at any of the warps.
    """
    _, times = zone_of(params)
    tempi = np.array([warp.tempo for warp in grid])
    farthest = int(np.ceil((params.max_dt + 1) / tempi.min()))
    frames = np.rint(np.outer(tempi, np.arange(farthest + 1))).astype(np.int64)
    inside = (frames >= params.min_dt) & (frames <= params.max_dt)
    coarse = np.where(inside, times[np.clip(frames, 0, params.max_dt)], _OUTSIDE)
    shifts = np.array([warp.shift for warp in grid], dtype=np.float32)
    somewhere = np.flatnonzero(inside.any(axis=0))
    bounds = [somewhere[0], somewhere[-1], params.max_df]
    return tempi, shifts, coarse, np.array(bounds, dtype=np.int32)


@compiled
def _mark_pairs(query: _Places, fan: int, zone: Zone, pairs: NDArray[np.uint64]) -> None:
    """Mark the pair of first and other landmark, for both others of every hash."""
    frames, bins = query
    near = np.empty(fan + 1, dtype=np.int64)
    bounds, times = zone
    for i in range(len(frames)):
        count = neighbours(frames, bins, i, bounds, near)
        for k in range(count):
            code = place_from(frames, bins, i, near[k], times)
            pair = _pair(np.int64(round(bins[i])), code)
            pairs[pair >> 6] |= np.uint64(1) << np.uint64(pair & 63)


@compiled_part
def _pair(anchor: np.int64, code: np.int64) -> np.int64:
    """Pack the first landmark of a hash and another one into ``_PAIR_BITS`` bits.

    A warp may shift an anchor out of the spectrum; no recording has that number.
    """
    return (anchor << 11 | code >> 8 << 4 | code & 15) & ((1 << _PAIR_BITS) - 1)


@compiled
def _hits(
    query: _Places,
    part: tuple[int, int],
    fans: tuple[int, int],
    warps: _Warps,
    table: _Table,
    limits: tuple[int, int, int],
) -> _Hits:
    """Return the hits: number of the warp, frame, and key (recording, offset).

    ``part`` numbers the landmarks of the query that are asked about. The offset is the
    recording's frame minus the file's frame at the warp's tempo, plus ``_ZERO``.
    ``limits`` are the most hits of all, those of the parts before, and the frames by
    which landmarks, which may use up the hits evenly in time, may run ahead.
    """
    frames, bins = query
    tempi, shifts, coarse, bounds = warps
    pairs, first, shift, postings = table
    hashes, owners, places = postings
    which = np.empty(_FIRST_HITS, dtype=np.int32)
    at = np.empty(_FIRST_HITS, dtype=np.int32)
    keys = np.empty(_FIRST_HITS, dtype=np.uint64)
    near = np.empty(fans[0] + 1, dtype=np.int64)
    across, slots, codes = np.empty_like(near), np.empty_like(near), np.empty_like(near)
    n = 0
    most, before, ahead = limits
    length = ahead + (frames[-1] if len(frames) else 0)
    for i in range(part[0], part[1]):
        if before + n > most * ((frames[i] + ahead) / length):
            continue
        count = _distances(query, i, bounds, near, across)
        for w in range(len(tempi)):
            anchor = np.int64(round(bins[i] - shifts[w]))
            n_known = 0
            # Written first and then kept or not: the outcome is unpredictable, so a
            # branch would be slower.
            for k in range(count):
                time = coarse[w, near[k]]
                slots[n_known], codes[n_known] = k, across[k] | time
                pair = _pair(anchor, codes[n_known])
                bit = pairs[pair >> 6] >> np.uint64(pair & 63) & np.uint64(1)
                n_known += int(bit) & int(time >= 0)
            for a in range(n_known - 1):
                for b in range(a + 1, n_known):
                    if slots[b] > slots[a] + fans[1]:
                        break
                    value = mix(anchor, codes[a], codes[b])
                    begin, end = _postings_of(value, first, shift, hashes)
                    if n + end - begin > len(at):
                        size = 2 * (n + end - begin)
                        which = _longer(which, size)
                        at, keys = _longer(at, size), _longer(keys, size)
                    frame = np.int64(np.rint(frames[i] * tempi[w]))
                    for j in range(begin, end):
                        offset = np.int64(places[j]) - frame + _ZERO
                        owner = np.int64(owners[j]) << _OFFSET_BITS
                        which[n], at[n] = w, frames[i]
                        keys[n] = np.uint64(owner | offset)
                        n += 1
    return which[:n], at[:n], keys[:n]


@compiled_part
def _distances(
    query: _Places,
    i: int,
    bounds: NDArray[np.int32],
    near: NDArray[np.int64],
    across: NDArray[np.int64],
) -> int:
    """Fill in the distances of a landmark's neighbours, in frames and in bins for a
    hash.

    Returns their number.
    """
    frames, bins = query
    count = neighbours(frames, bins, i, bounds, near)
    for k in range(count):
        across[k] = bins_between(bins, i, near[k]) << 8
        near[k] = frames[near[k]] - frames[i]
    return count


@compiled_part
def _longer(array: NDArray[Any], size: int) -> NDArray[Any]:  # Any: of each type
    longer = np.empty(size, dtype=array.dtype)
    for i in range(len(array)):
        longer[i] = array[i]
    return longer


@compiled_part
def _postings_of(
    value: np.uint32, first: NDArray[np.int32], shift: int, hashes: NDArray[np.uint32]
) -> tuple[int, int]:
    """Return where the postings of a hash begin and end."""
    lead = np.int64(value) >> shift
    begin, stop = first[lead], first[lead + 1]
    while begin < stop and hashes[begin] < value:
        begin += 1
    end = begin
    while end < stop and hashes[end] == value:
        end += 1
    return begin, end


@compiled
def _strongest(
    keys: NDArray[np.uint64], edges: NDArray[np.int64], min_votes: int, top: int
) -> NDArray[np.int64]:
    """Return the best offsets per recording and window: window, owner, offset, votes.

    ``edges`` holds the first and the past-the-last hit of each window. No offset lies
    within two frames of a stronger one.
    """
    chosen = np.empty((256, 4), dtype=np.int64)
    n = 0
    for window in range(len(edges)):
        low, high = edges[window]
        if high - low < min_votes:
            continue
        centres = np.empty(3 * (high - low), dtype=np.uint64)
        sums = np.empty(len(centres), dtype=np.int64)
        count = peaks(np.sort(keys[low:high]), centres, sums)
        enough = np.flatnonzero(sums[:count] >= min_votes)
        begin = n
        for at in enough[np.argsort(-sums[enough], kind="mergesort")]:
            owner = np.int64(centres[at]) >> _OFFSET_BITS
            offset = (np.int64(centres[at]) & ((1 << _OFFSET_BITS) - 1)) - _ZERO
            of_owner = 0
            for row in range(begin, n):
                if chosen[row, 1] == owner:
                    near = abs(chosen[row, 2] - offset) <= 2
                    # A stronger offset this close excludes the new one.
                    of_owner += top if near else 1
            if of_owner >= top:
                continue
            if n == len(chosen):
                chosen = np.concatenate((chosen, np.empty_like(chosen)))
            chosen[n, 0], chosen[n, 1] = window, owner
            chosen[n, 2], chosen[n, 3] = offset, sums[at]
            n += 1
    return chosen[:n]
