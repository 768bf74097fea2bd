"""Propose where in the catalogue a query might lie: stages, windows, hashes, votes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recognition import interrupts
from recognition.fingerprints.hashes import likely_hashes, triplet_hashes
from recognition.fingerprints.landmarks import select
from recognition.params import Params
from recognition.types import Landmarks, Votes
from recognition.verify.alignment import Alignment, Lead


class VoteSource(Protocol):
    """The part of an index that a search needs."""

    def query_windows(
        self,
        buckets: Sequence[int],
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
        windows: Sequence[tuple[int, int]],
        *,
        top: int = 10,
        min_votes: int = 6,
        max_list: int | None = None,
    ) -> list[Votes]:
        """Return the best offsets of each window of the hashes, most votes first."""


@dataclass(frozen=True, slots=True)
class Warp:
    """A tempo ratio and a pitch shift, in bins, to search a query under."""

    tempo: float = 1.0
    shift: float = 0.0

    def frames(self, window: tuple[int, int]) -> tuple[int, int]:
        """Return the first frame of a window, and the one after its last, as warped."""
        return round(window[0] * self.tempo), round(window[1] * self.tempo)


PLAIN = Warp()


@dataclass(frozen=True, slots=True)
class SearchStage:
    """One search method of the cascade; later stages cost more and find more.

    ``hours`` is the size of the catalogue, on which the fewest votes depend.
    """

    name: str
    warp: Warp
    top: int
    hours: float


Windows = Sequence[tuple[int, int]]
"""First frames of windows, and the frames after their last."""

SPARSE, DENSE, GRID, SWEEP = "sparse", "dense", "grid", "sweep"
LONG = "long"
"""A sweep of windows twice as long, in which weaker sound stands out."""
SWEPT = frozenset({SWEEP, LONG})
WIDE, PITCHED = "wide", "pitched"
"""Like the grid, for larger changes, in a part of the windows: of speed or tempo, which
often come with damage; and of pitch, alone or at another tempo.
"""
ON_GRID = frozenset({GRID, WIDE, PITCHED})
"""Stages whose alignments are roughly right."""

NEARBY = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
# About the most hashes looked up together, which bounds memory: 60 bytes for each. More
# hashes of a large index share its pages.
_BLOCK_HASHES = 1 << 21
_MOST_HASHES = 3 * _BLOCK_HASHES
_LINES_AT_ONCE = 12
# From one line of the wide grid to the next.
SPEED_STEP, TEMPO_STEP = 1.022, 1.05
_LIKELY_SHARE = 0.1  # of the dense triplets; see ``likely_hashes``


def stages(
    params: Params, *, robust_first: bool, hours: float, widely: bool = False
) -> list[SearchStage]:
    """Return the cascade for a catalogue of this many hours.

    Sparse triplets, then the sweep, that of long windows, and the tempo and pitch grid;
    ``widely``, also the wide one. Catalogues beyond ``sweep_hours`` have dense triplets with
    a glance instead of the first sweep, and take fewer long windows (``sweep_every``).
    ``robust_first`` skips the sparse stage, for recorded audio.
    """
    first = [] if robust_first else [_sparse(PLAIN, hours, params)]
    grid = [SearchStage(GRID, warp, params.grid_top, hours) for warp in warps(params)]
    wide = [
        *(SearchStage(WIDE, warp, params.wide_offsets, hours) for warp in wide_warps(params)),
        *(SearchStage(PITCHED, warp, params.pitched_top, hours) for warp in pitched_warps(params)),
    ]
    deep = [_deep(PLAIN, hours, params), SearchStage(LONG, PLAIN, params.sweep_top, hours)]
    plain = [*first, *deep, *grid]
    return [*plain, *wide] if widely else plain


def following(lines: Iterable[Warp], params: Params, *, hours: float) -> list[SearchStage]:
    """Return the stages that search a file along the changes found in a part of it."""
    return [
        stage
        for warp in lines
        for stage in (_sparse(warp, hours, params), _deep(warp, hours, params))
    ]


def _sparse(warp: Warp, hours: float, params: Params) -> SearchStage:
    return SearchStage(SPARSE, warp, params.sparse_top, hours)


def _deep(warp: Warp, hours: float, params: Params) -> SearchStage:
    if hours <= params.sweep_hours:
        return SearchStage(SWEEP, warp, params.sweep_top, hours)
    return SearchStage(DENSE, warp, params.dense_top, hours)


def sweep_every(hours: float, params: Params) -> int:
    """Return n where the sweep takes every n-th long window.

    Its cost for a window grows with the catalogue; so that of a file does not.
    """
    return max(1, round(hours / params.long_hours))


def is_swept_twice(hours: float, params: Params) -> bool:
    """Return whether a catalogue is so small that short windows are swept before long ones.

    Without hours, it is a few recordings, which are swept in long windows alone.
    """
    return 0 < hours <= params.sweep_hours


def warps(params: Params) -> list[Warp]:
    """Return the grid: tempo alone, pitch alone, and both together as a change of
    speed.
    """
    semitone = params.bins_per_octave / 12
    tempi = [Warp(tempo=1 + k / 40) for k in range(-4, 5) if k]
    pitches = [Warp(shift=k * semitone) for k in (-2, -1, 1, 2)]
    speeds = [speed(1 + k / 100, params) for k in range(-6, 7, 2) if k]
    return [*tempi, *pitches, *speeds]


def wide_warps(params: Params) -> list[Warp]:
    """Return the wide grid: speeds, then tempi, beyond what ``warps`` has.

    Half a step between alignments is what hashes tolerate: half a bin, and 2.5 % of tempo.
    """
    step = SPEED_STEP
    speeds = [*_steps(1.08, 1.47, step), *_steps(1 / 1.08, 0.69, 1 / step)]
    step = TEMPO_STEP
    tempi = [*_steps(1.14, 1.41, step), *_steps(0.87, 0.69, 1 / step)]
    return [*(speed(factor, params) for factor in speeds), *(Warp(tempo=tempo) for tempo in tempi)]


def pitched_warps(params: Params) -> list[Warp]:
    """Return the changes of pitch beyond what ``warps`` has, then those at another tempo.

    Each is a bin, as hashes tolerate half of one; but 4 % of tempo, in clean music.
    """
    near = {round(warp.shift) for warp in warps(params) if warp.tempo == 1}
    half = params.bins_per_octave // 2
    pitches = [bins for bins in _either_way(half) if bins not in near]
    return [
        *(Warp(shift=float(bins)) for bins in pitches),
        *(Warp(tempo, float(bins)) for tempo in (0.92, 1.08) for bins in _either_way(half // 2)),
    ]


def _either_way(most: int) -> list[int]:
    return [sign * bins for bins in range(1, most + 1) for sign in (1, -1)]


def _steps(first: float, last: float, ratio: float) -> Iterator[float]:
    while first <= last if ratio > 1 else first >= last:
        yield first
        first *= ratio


def speed(ratio: float, params: Params) -> Warp:
    """Return the change of tempo and pitch that a faster tape makes."""
    return Warp(ratio, params.bins_per_octave * float(np.log2(ratio)))


def leads(
    index: VoteSource,
    buckets: Sequence[int],
    landmarks: Landmarks,
    *,
    stage: SearchStage,
    open_frames: NDArray[np.bool_],
    params: Params,
) -> Iterator[Lead]:
    """Yield the index's candidates for the open frames of a query, window by window.

    ``landmarks`` are the query's, of the density of the stage.
    """
    votes_by_window = window_votes(
        index, buckets, landmarks, stage=stage, open_frames=open_frames, params=params
    )
    for window, votes in votes_by_window:
        yield from voted_leads(window, votes, stage, params)


def window_votes(
    index: VoteSource,
    buckets: Sequence[int],
    landmarks: Landmarks,
    *,
    stage: SearchStage,
    open_frames: NDArray[np.bool_],
    params: Params,
) -> Iterator[tuple[tuple[int, int], Votes]]:
    """Yield each window of the open frames with its best offsets.

    In a stage that glances they include weaker ones, as many as the glance chooses from.
    """
    every = windows_of(stage, open_frames, params)
    if not every:
        return
    usable = select(landmarks, open_frames[landmarks.frames])
    landmarks = warped(usable, stage.warp, params)
    for windows in _blocks(every, stage, params):
        for part, hashes, frames in _hashed(windows, landmarks, stage, params):
            spans = _spans_of(part, stage, frames)
            hashed = hashes, frames, spans
            answers = _best_offsets(index, buckets, hashed, stage=stage, params=params)
            yield from zip(part, answers, strict=True)


def lines_at_once(
    todo: Sequence[SearchStage], open_frames: NDArray[np.bool_], params: Params
) -> list[SearchStage]:
    """Return the next stage, with those after it that the same question can answer.

    Only lines of one grid share a question: for a clip, asking costs more than looking
    up. They are few, because what one line finds the next ones no longer search.
    """
    first = todo[0]
    if first.name not in ON_GRID:
        return [first]
    windows = windows_of(first, open_frames, params)
    room = _windows_in_a_block(first, params) // max(1, len(windows))
    most = max(1, min(room, _LINES_AT_ONCE))
    return list(takewhile(lambda line: line.name == first.name, todo[:most]))


def line_votes(
    index: VoteSource,
    buckets: Sequence[int],
    landmarks: Landmarks,
    *,
    lines: Sequence[SearchStage],
    open_frames: NDArray[np.bool_],
    params: Params,
) -> list[list[tuple[tuple[int, int], Votes]]]:
    """Return what ``window_votes`` yields for each of some ``lines_at_once``."""
    stage = lines[0]
    windows = windows_of(stage, open_frames, params)
    if not windows:
        return [[] for _ in lines]
    usable = select(landmarks, open_frames[landmarks.frames])
    queries: list[tuple[NDArray[np.uint32], NDArray[np.int32]]] = []
    spans: list[tuple[int, int]] = []
    begun = 0
    for line in lines:
        moved = warped(usable, line.warp, params)
        for part, hashes, frames in _hashed(windows, moved, line, params):
            spans += ((begun + a, begun + b) for a, b in _spans_of(part, line, frames))
            queries.append((hashes, frames))
            begun += len(hashes)
    every, at = (np.concatenate(column) for column in zip(*queries, strict=True))
    answers = _best_offsets(index, buckets, (every, at, spans), stage=stage, params=params)
    n = len(windows)
    return [
        list(zip(windows, answers[n * k : n * (k + 1)], strict=True)) for k in range(len(lines))
    ]


def _best_offsets(
    index: VoteSource,
    buckets: Sequence[int],
    hashed: tuple[NDArray[np.uint32], NDArray[np.int32], list[tuple[int, int]]],
    *,
    stage: SearchStage,
    params: Params,
) -> list[Votes]:
    """Ask for the best offsets of each span of hashes, as many as the stage takes."""
    interrupts.look()
    top, least = stage.top, fewest_votes(stage, params)
    if stage.name == DENSE:
        top, least = params.glance_offsets, glance_votes(stage.hours, params)
    elif stage.name == WIDE:
        least = least_votes(stage.hours, params) - 1
    return index.query_windows(
        buckets, *hashed, top=top, min_votes=least, max_list=longest_list(stage, params)
    )


def _hashed(
    windows: Windows, landmarks: Landmarks, stage: SearchStage, params: Params
) -> Iterator[tuple[Windows, NDArray[np.uint32], NDArray[np.int32]]]:
    """Yield windows with their hashes and the frames of these.

    Windows with far more hashes than usual are halved, to bound memory.
    """
    bounds = _bounds_of(windows, stage)
    low, high = np.searchsorted(landmarks.frames, [bounds[0, 0], bounds[-1, 1]])
    block = select(landmarks, slice(int(low), int(high)))
    if stage.name == DENSE:
        hashes, frames = likely_hashes(block, params)
    else:
        fan, within = fans(stage, params)
        hashes, frames = triplet_hashes(block, fan=fan, within=within, params=params)
    if len(windows) > 1:
        # Between the windows of a wide grid most of a file is left out.
        inside = np.zeros(len(frames), dtype=np.bool_)
        for first, end in _spans_of(windows, stage, frames):
            inside[first:end] = True
        hashes, frames = hashes[inside], frames[inside]
    if len(hashes) <= _MOST_HASHES or len(windows) == 1:
        yield windows, hashes, frames
        return
    del hashes, frames
    middle = len(windows) // 2
    for part in (windows[:middle], windows[middle:]):
        yield from _hashed(part, landmarks, stage, params)


def _spans_of(
    windows: Windows, stage: SearchStage, frames: NDArray[np.int32]
) -> list[tuple[int, int]]:
    """Return where the frames of each window begin and end in sorted frames."""
    spans = np.searchsorted(frames, _bounds_of(windows, stage))
    return [(int(first), int(end)) for first, end in spans]


def _bounds_of(windows: Windows, stage: SearchStage) -> NDArray[np.int32]:
    """Return first and last frames of windows at the tempo of a stage."""
    return np.rint(np.array(windows) * stage.warp.tempo).astype(np.int32)


def voted_leads(
    window: tuple[int, int], votes: Votes, stage: SearchStage, params: Params
) -> Iterator[Lead]:
    """Yield the leads of a window's strongest offsets."""
    enough = fewest_votes(stage, params)
    for rank, vote in enumerate(votes[: stage.top]):
        if vote.votes < enough:
            break
        alignment = alignment_at(vote.delta, stage.warp)
        # follow() fits these alignments first, which finds the offset
        on_grid = stage.name in ON_GRID
        near = NEARBY if rank < params.nearby_top and not on_grid else (0.0,)
        yield Lead(vote.recording, alignment, window, vote.votes, on_grid, near)


def alignment_at(delta: int, warp: Warp) -> Alignment:
    """Return the alignment of an offset that was found under a warp."""
    return Alignment(1 / warp.tempo, -delta / warp.tempo, warp.shift)


def _blocks(windows: Windows, stage: SearchStage, params: Params) -> Iterator[Windows]:
    """Group windows so that the hashes of each group fit in memory."""
    size = _windows_in_a_block(stage, params)
    for start in range(0, len(windows), size):
        yield windows[start : start + size]


def _windows_in_a_block(stage: SearchStage, params: Params) -> int:
    fan, within = fans(stage, params)
    seconds = params.window_frames * params.frame_ms / 1000
    sparse = stage.name != DENSE
    rate = params.reference_rate if sparse else params.dense_rate * _LIKELY_SHARE
    return max(1, int(_BLOCK_HASHES / (seconds * rate * fan * within)))


def least_votes(hours: float, params: Params) -> int:
    """Return the fewest votes worth verifying; noise grows with the catalogue."""
    growth = 0.6 * np.log2(max(1.0, hours / params.min_votes_hours))
    return params.min_votes + int(growth)


def fewest_votes(stage: SearchStage, params: Params) -> int:
    """Return the fewest votes of an offset that a stage verifies."""
    extra_votes = {WIDE: params.wide_votes, PITCHED: params.pitched_votes}
    return least_votes(stage.hours, params) + extra_votes.get(stage.name, 0)


def glance_votes(hours: float, params: Params) -> int:
    """Return the fewest votes worth a glance; chance gives more in larger catalogues."""
    growth = params.glance_growth * np.log2(max(1.0, hours / params.glance_hours))
    return params.glance_votes + int(growth)


def longest_list(stage: SearchStage, params: Params) -> int:
    """Return the length of the longest posting list worth reading.

    Longer lists belong to very common hashes: they cost most of the votes and say
    little.
    """
    longest = params.longest_list
    if stage.name in ON_GRID:
        longest = params.longest_grid_list
    larger = max(1.0, stage.hours / params.longest_list_hours)
    return int(longest * larger**params.longest_list_growth)


def windows_of(
    stage: SearchStage, open_frames: NDArray[np.bool_], params: Params
) -> list[tuple[int, int]]:
    """Return the windows of the open frames that a stage searches."""
    if stage.name == LONG:
        return _long_windows(stage.hours, open_frames, params)
    every = open_windows(open_frames, params)
    if stage.name not in (WIDE, PITCHED):
        return every
    stride = params.wide_every
    chosen: list[tuple[int, int]] = []
    for row in _rows(every, params):
        # Of few in a row all, else the second of every so many.
        chosen += row if len(row) < stride else row[1::stride]
    return chosen


def _long_windows(
    hours: float, open_frames: NDArray[np.bool_], params: Params
) -> list[tuple[int, int]]:
    """Return windows twice as long, as many as a catalogue of ``hours`` allows.

    Only those with some seconds of unexplained sound: of less, hundreds of places stand out
    by chance. Where short windows are swept, too, only those with more than these hold.
    """
    wider = replace(
        params, window_frames=2 * params.window_frames, step_frames=2 * params.step_frames
    )
    shortest, least = 0, 0.25 if hours else 0.0
    if is_swept_twice(hours, params):
        shortest, least = params.window_frames, 0.5
    windows = [
        (start, end)
        for start, end in open_windows(open_frames, wider)
        if end - start > shortest and open_frames[start:end].mean() > least
    ]
    stride = sweep_every(hours, params)
    chosen: list[tuple[int, int]] = []
    for row in _rows(windows, wider):
        if len(row) > stride // 2 or stride <= params.sweep_alone:
            # From the middle of the first so many on.
            chosen += row[min(len(row) - 1, stride) // 2 :: stride]
    return chosen


def _rows(windows: list[tuple[int, int]], params: Params) -> Iterator[list[tuple[int, int]]]:
    """Yield windows in groups that follow each other."""
    step = params.step_frames
    for _, numbered in groupby(enumerate(windows), key=lambda pair: pair[1][0] // step - pair[0]):
        yield [window for _, window in numbered]


def open_windows(open_frames: NDArray[np.bool_], params: Params) -> list[tuple[int, int]]:
    """Return overlapping windows with enough open frames for the shortest match."""
    n = len(open_frames)
    if not n:
        return []
    enough = params.shortest_segment_ms / params.frame_ms
    overlap = params.window_frames - params.step_frames
    starts = np.arange(0, max(1, n - overlap), params.step_frames)
    ends = np.minimum(n, starts + params.window_frames)
    # Counts from each start to its end, the last of which is the end of all. Those between
    # are from an end to the next start, which lies before it, and count nothing.
    edges = np.column_stack([starts, ends]).ravel()[:-1]
    worth = np.add.reduceat(open_frames, edges, dtype=np.int32)[::2] >= enough
    # What is open beyond the next start is the next window's.
    worth &= np.add.reduceat(open_frames, starts, dtype=np.int32) > 0
    return list(zip(starts[worth].tolist(), ends[worth].tolist(), strict=True))


def warped(landmarks: Landmarks, warp: Warp, params: Params) -> Landmarks:
    """Return the landmarks as they would be at the reference's tempo and pitch."""
    frames = np.rint(landmarks.frames * warp.tempo).astype(np.int32)
    bins = (landmarks.bins - np.float32(warp.shift)).astype(np.float32)
    inside = (bins >= 0) & (bins <= params.n_bins - 1)
    return select(Landmarks(frames, bins, landmarks.levels), inside)


def fans(stage: SearchStage, params: Params) -> tuple[int, int]:
    """Return how many second and third neighbours each landmark is hashed with."""
    return {
        SPARSE: (params.grid_fan, params.grid_within),
        DENSE: (params.dense_fan, params.dense_within),
        GRID: (params.grid_fan, params.grid_within),
        WIDE: (params.wide_fan, params.wide_fan),
        PITCHED: (params.pitched_fan, params.pitched_fan),
    }[stage.name]
