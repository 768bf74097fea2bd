"""Prepare a query for lookups by place, and fit the alignment that maps a reference to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recognition.jit import compiled, compiled_part
from recognition.params import DEFAULT, Params
from recognition.types import Landmarks, LevelMap
from recognition.verify.band import bands_of

QueryPlaces = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
ReferencePlaces = tuple[NDArray[np.int32], NDArray[np.float32]]
Place = tuple[float, float, float]

_BESIDE = np.float32(0.5)  # half a landmark's tolerance, in bins
# Somewhat farther from 1 than the grid, so that a fit may correct a grid tempo; and how
# far a fit may move from the tempo it began with.
MIN_SLOPE, MAX_SLOPE, FARTHEST_FIT = 0.62, 1.6, 1.25


@dataclass(frozen=True, slots=True)
class Alignment:
    """A linear mapping from reference time to query time.

        query frame = offset + slope · reference frame

    The query sounds ``shift`` bins higher than the reference. A slope below 1 means
    that the query is faster.
    """

    slope: float
    offset: float
    shift: float

    def query_frame(self, reference_frame: float) -> float:
        return self.offset + self.slope * reference_frame

    def reference_frame(self, query_frame: float) -> float:
        return (query_frame - self.offset) / self.slope


@dataclass(frozen=True, slots=True)
class Lead:
    """An offset to verify: a recording along an alignment in a window of the query.

    - ``nearby``: offsets around it, in frames, to start from. Votes locate an offset
      only to a few frames, and a weak match does not verify even one frame beside the
      true offset.
    - ``swept``: the sweep chose this place as the best of all places, so its level
      evidence is biased.
    - ``is_weak``: a place so low that only phases may prove it.
    - ``within``: query frames that its run must not leave; None for all.
    """

    recording: int
    alignment: Alignment
    window: tuple[int, int]
    votes: int
    warped: bool
    nearby: tuple[float, ...] = (0.0,)
    swept: bool = False
    is_weak: bool = False
    within: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class QueryView:
    """Landmarks of a query with a directory by frame, and its level map.

    The landmarks of frame ``t`` have the numbers ``first[t]`` … ``first[t + 1] - 1``.

    Each ``sectors[t]`` is a 64-bit filter with one bit for every four bins: set if a
    landmark lies within one frame of ``t`` and half a bin of these bins. The filter
    rejects nine of ten lookups without reading landmarks. Without a level map,
    ``map_levels`` has no rows.

    ``bands`` holds the lowest and the highest bin with sound of each ``BAND_FRAMES``;
    what lies outside was cut off by a telephone, say, and proves nothing.
    """

    landmarks: Landmarks
    first: NDArray[np.int32]
    sectors: NDArray[np.uint64]
    map_levels: NDArray[np.uint8]
    map_frames: int
    map_bins: int
    bands: NDArray[np.float32]

    @property
    def n_frames(self) -> int:
        """Number of frames that the directory covers."""
        return len(self.first) - 1


def view_of(
    landmarks: Landmarks, level_map: LevelMap | None, n_frames: int, params: Params = DEFAULT
) -> QueryView:
    """Prepare a query of ``n_frames`` frames for lookups."""
    last = int(landmarks.frames[-1]) + 1 if len(landmarks.frames) else 0
    n_frames = max(n_frames, last)
    counts = np.bincount(landmarks.frames, minlength=n_frames)
    first = np.zeros(n_frames + 1, dtype=np.int32)
    np.cumsum(counts, out=first[1:])
    sectors = np.zeros(n_frames, dtype=np.uint64)
    _mark_sectors(landmarks.frames, landmarks.bins, sectors)
    if level_map is None:
        no_map = np.zeros((0, 1), dtype=np.uint8)
        whole = np.array([[0, np.inf]], dtype=np.float32)
        return QueryView(landmarks, first, sectors, no_map, 1, 1, whole)
    return QueryView(
        landmarks,
        first,
        sectors,
        level_map.levels,
        level_map.frames_per_cell,
        level_map.bins_per_cell,
        bands_of(level_map, n_frames, params),
    )


@compiled
def _mark_sectors(
    frames: NDArray[np.int32], bins: NDArray[np.float32], sectors: NDArray[np.uint64]
) -> None:
    for k in range(len(frames)):
        bits = np.uint64(0)
        for place in (bins[k] - _BESIDE, bins[k] + _BESIDE):
            bits |= np.uint64(1) << _sector(place)
        for t in range(max(0, frames[k] - 1), min(len(sectors), frames[k] + 2)):
            sectors[t] |= bits


@compiled_part
def _sector(place: float) -> np.uint64:
    return np.uint64(min(63, max(0, int(place)) // 4))


@compiled
def something_near(sectors: NDArray[np.uint64], frame: float, place: float) -> bool:
    """Return whether a landmark may lie within one frame and half a bin of a place.

    ``False`` is certain, ``True`` is not. The place must lie inside the query.
    """
    return bool((sectors[int(frame)] >> _sector(place)) & np.uint64(1))


@compiled
def nearest(
    first: NDArray[np.int32],
    frames: NDArray[np.int32],
    bins: NDArray[np.float32],
    frame: float,
    place: float,
    tolerance_frames: float,
    tolerance_bins: float,
) -> int:
    """Return the number of the query landmark nearest to (frame, place), -1 if none."""
    low = max(0, int(np.ceil(frame - tolerance_frames)))
    high = min(len(first) - 2, int(np.floor(frame + tolerance_frames)))
    best = -1
    best_distance = 1e9
    if high < low:
        return best
    for k in range(first[low], first[high + 1]):
        off = abs(bins[k] - place)
        if off > tolerance_bins:
            continue
        distance = off / tolerance_bins + abs(frames[k] - frame) / tolerance_frames
        if distance < best_distance:
            best_distance = distance
            best = k
    return best


def fit_alignment(
    view: QueryView,
    reference: Landmarks,
    span: tuple[int, int],
    alignment: Alignment,
    slope: float | None = None,
) -> Alignment:
    """Fit tempo, offset and pitch to the reference landmarks numbered ``span``.

    Three rounds pair landmarks with shrinking tolerance and take the median slope
    between landmarks half the interval apart (Theil–Sen); a least-squares fit of the
    last pairs follows.

    Steady tones, clicks and drum loops pair with themselves at any tempo, so a fit
    outside ``MIN_SLOPE`` … ``MAX_SLOPE``, or too far from ``slope`` (the alignment's), is
    discarded and the alignment stays as it was.
    """
    begun = alignment.slope if slope is None else slope
    limits = max(MIN_SLOPE, begun / FARTHEST_FIT), min(MAX_SLOPE, begun * FARTHEST_FIT)
    fitted = _fit(
        (view.first, view.landmarks.frames, view.landmarks.bins),
        (reference.frames[slice(*span)], reference.bins[slice(*span)]),
        (alignment.slope, alignment.offset, alignment.shift),
        limits,
    )
    return Alignment(*map(float, fitted))


def level_gaps(
    view: QueryView, reference: Landmarks, alignment: Alignment
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the frames of reference landmarks found along an alignment, and level
    differences.

    Differences are query minus reference, in nepers.
    """
    partners = _partners(
        (view.first, view.landmarks.frames, view.landmarks.bins),
        (reference.frames, reference.bins),
        (alignment.slope, alignment.offset, alignment.shift),
    )
    here = partners >= 0
    gaps = view.landmarks.levels[partners[here]] - reference.levels[here]
    return reference.frames[here], gaps


@compiled
def _partners(
    query: QueryPlaces, reference: ReferencePlaces, alignment: Place
) -> NDArray[np.int64]:
    """Return the query landmark beside each reference landmark, -1 where none is."""
    first, frames, bins = query
    partners = np.full(len(reference[0]), -1, dtype=np.int64)
    for i in range(len(partners)):
        frame = alignment[1] + alignment[0] * reference[0][i]
        place = reference[1][i] + alignment[2]
        if frame >= 0 and place >= 0:
            partners[i] = nearest(first, frames, bins, frame, place, 1.5, 0.5)
    return partners


@compiled
def _fit(
    query: QueryPlaces, reference: ReferencePlaces, alignment: Place, limits: tuple[float, float]
) -> Place:
    least, most = limits
    for tolerance in ((3.0, 0.9), (2.0, 0.6), (1.5, 0.5)):
        r, q, df = _pairs_near(query, reference, alignment, tolerance)
        if len(r) < 12:
            # Fewer pairs than this say nothing about the tempo.
            return alignment
        half = len(r) // 2
        slope = np.median((q[half:] - q[:-half]) / (r[half:] - r[:-half]))
        if not least <= slope <= most:
            return alignment
        alignment = (slope, np.median(q - slope * r), np.median(df))
    r, q, df = _pairs_near(query, reference, alignment, (1.5, 0.5))
    if len(r) < 12 or r[-1] == r[0]:
        return alignment
    r_mean, q_mean = r.mean(), q.mean()
    slope = ((r - r_mean) * (q - q_mean)).sum() / ((r - r_mean) ** 2).sum()
    if not least <= slope <= most:
        return alignment
    return (slope, q_mean - slope * r_mean, np.median(df))


@compiled_part
def _pairs_near(
    query: QueryPlaces, reference: ReferencePlaces, alignment: Place, tolerance: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    first, frames, bins = query
    r = np.empty(len(reference[0]), dtype=np.float64)
    q = np.empty(len(r), dtype=np.float64)
    df = np.empty(len(r), dtype=np.float64)
    n = 0
    last = -1.0
    for i in range(len(r)):
        frame = alignment[1] + alignment[0] * reference[0][i]
        place = reference[1][i] + alignment[2]
        k = nearest(first, frames, bins, frame, place, tolerance[0], tolerance[1])
        if k >= 0:
            r[n] = reference[0][i]
            if r[n] <= last:  # slopes stay finite only if frames rise strictly
                r[n] = last + 1e-3
            last = r[n]
            q[n] = frames[k]
            df[n] = bins[k] - reference[1][i]
            n += 1
    return r[:n].copy(), q[:n].copy(), df[:n].copy()
