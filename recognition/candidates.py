"""Where in the catalogue a query might lie: windows, hashes and votes of each stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import Line
from recognition.hashes import Hashes, triplet_hashes
from recognition.landmarks import select
from recognition.params import Params
from recognition.types import Landmarks, Vote


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
    ) -> list[list[Vote]]:
        """For each stretch of the hashes its best offsets, most votes first."""


@dataclass(frozen=True, slots=True)
class Warp:
    """A tempo ratio and a pitch shift in bins that a query is searched under."""

    tempo: float = 1.0
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """One way of searching; later ones cost more and find more."""

    name: str
    warp: Warp
    top: int


@dataclass(frozen=True, slots=True)
class Lead:
    """An offset with votes, to be verified: a recording along a line in a window.

    Votes tell an offset to a cell of some frames. ``nearby`` are the offsets around it
    to begin from, in frames: from a frame beside the true one nothing weak verifies.
    ``swept`` says that the place was chosen among all there are. ``within`` are the
    query frames that its run must not leave; None for all.
    """

    recording: int
    line: Line
    window: tuple[int, int]
    votes: int
    warped: bool
    nearby: tuple[float, ...] = (0.0,)
    swept: bool = False
    within: tuple[int, int] | None = None


SPARSE, DENSE, GRID, SWEEP = "sparse", "dense", "grid", "sweep"

NEARBY = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
_BLOCK_HASHES = 1 << 21  # at most, looked up in one go


def stages(params: Params, *, robust_first: bool, hours: float) -> list[Stage]:
    """The cascade for a catalogue of so many hours.

    Sparse triplets, dense ones, the tempo and pitch grid, and in a catalogue that is
    small enough for it every place there is.
    """
    plain = Warp()
    first = [] if robust_first else [Stage(SPARSE, plain, params.sparse_top)]
    grid = [Stage(GRID, warp, params.grid_top) for warp in warps(params)]
    last = [Stage(SWEEP, plain, params.sweep_top)] * (hours <= params.sweep_hours)
    return [*first, Stage(DENSE, plain, params.dense_top), *grid, *last]


def warps(params: Params) -> list[Warp]:
    """Tempo alone, pitch alone, and both together as a change of speed."""
    semitone = params.bins_per_octave / 12
    tempi = [Warp(tempo=1 + k / 40) for k in range(-4, 5) if k]
    pitches = [Warp(shift=k * semitone) for k in (-2, -1, 1, 2)]
    speeds = [
        Warp(1 + k / 100, params.bins_per_octave * float(np.log2(1 + k / 100)))
        for k in range(-6, 7, 2)
        if k
    ]
    return [*tempi, *pitches, *speeds]


def leads(
    index: VoteSource,
    buckets: Sequence[int],
    landmarks: Landmarks,
    *,
    stage: Stage,
    open_frames: NDArray[np.bool_],
    hours: float,
    params: Params,
) -> Iterator[Lead]:
    """What the index proposes for the open frames of a query, window by window.

    ``landmarks`` are the query's, of the density of the stage; ``hours`` is the size
    of the catalogue.
    """
    usable = select(landmarks, open_frames[landmarks.frames])
    landmarks = warped(usable, stage.warp, params)
    tempo = stage.warp.tempo
    for windows in _blocks(open_windows(open_frames, params), stage, params):
        bounds = np.rint(np.array(windows) * tempo).astype(np.int32)
        low, high = np.searchsorted(landmarks.frames, [bounds[0, 0], bounds[-1, 1]])
        block = select(landmarks, slice(int(low), int(high)))
        hashes, frames = _hashes(block, stage, params)
        spans = [(int(a), int(b)) for a, b in np.searchsorted(frames, bounds)]
        answers = index.query_windows(
            buckets,
            hashes,
            frames,
            spans,
            top=stage.top,
            min_votes=least_votes(hours, params),
            max_list=longest_list(hours, params),
        )
        for window, votes in zip(windows, answers, strict=True):
            for rank, vote in enumerate(votes):
                line = Line(1 / tempo, -vote.delta / tempo, stage.warp.shift)
                on_grid = stage.name == GRID  # there the line is fitted first
                near = NEARBY if rank < params.nearby_top and not on_grid else (0.0,)
                yield Lead(vote.recording, line, window, vote.votes, on_grid, near)


def _blocks(
    windows: Sequence[tuple[int, int]], stage: Stage, params: Params
) -> Iterator[Sequence[tuple[int, int]]]:
    """Windows to ask about together, as many as keep the memory for it small."""
    fan, within = fans(stage, params)
    seconds = params.window_frames * params.frame_ms / 1000
    sparse = stage.name in (SPARSE, GRID)
    rate = params.reference_rate if sparse else params.dense_rate
    size = max(1, int(_BLOCK_HASHES / (seconds * rate * fan * within)))
    for start in range(0, len(windows), size):
        yield windows[start : start + size]


def least_votes(hours: float, params: Params) -> int:
    """The fewest votes worth verifying: noise grows with the catalogue."""
    more = 0.6 * np.log2(max(1.0, hours / params.min_votes_hours))
    return params.min_votes + int(more)


def longest_list(hours: float, params: Params) -> int:
    """The most postings of a hash that tells anything; those beyond are passed over."""
    return int(params.longest_list * max(1.0, hours / params.longest_list_hours))


def open_windows(
    open_frames: NDArray[np.bool_], params: Params
) -> list[tuple[int, int]]:
    """Overlapping windows that hold enough open frames to be worth a search."""
    n = len(open_frames)
    total = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(open_frames, out=total[1:])
    enough = params.min_segment_ms / params.frame_ms
    overlap = params.window_frames - params.step_frames
    starts = np.arange(0, max(1, n - overlap), params.step_frames)
    ends = np.minimum(n, starts + params.window_frames)
    worth = total[ends] - total[starts] >= enough
    return list(zip(starts[worth].tolist(), ends[worth].tolist(), strict=True))


def warped(landmarks: Landmarks, warp: Warp, params: Params) -> Landmarks:
    """The landmarks as they would be at the reference's tempo and pitch."""
    frames = np.rint(landmarks.frames * warp.tempo).astype(np.int32)
    bins = (landmarks.bins - np.float32(warp.shift)).astype(np.float32)
    inside = (bins >= 0) & (bins <= params.n_bins - 1)
    return select(Landmarks(frames, bins, landmarks.levels), inside)


def fans(stage: Stage, params: Params) -> tuple[int, int]:
    """How many neighbours a landmark is hashed with: second ones, and third ones."""
    return {
        SPARSE: (params.grid_fan, params.grid_within),
        DENSE: (params.dense_fan, params.dense_within),
        GRID: (params.grid_fan, params.grid_within),
    }[stage.name]


def _hashes(landmarks: Landmarks, stage: Stage, params: Params) -> Hashes:
    fan, within = fans(stage, params)
    return triplet_hashes(landmarks, fan=fan, within=within, params=params)
