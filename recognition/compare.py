"""How two recordings relate: which parts they share, how fast and how high.

One is searched in an index that holds the other alone. Only landmarks are needed, so
recordings are compared without their audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import view_of
from recognition.candidates import stages
from recognition.errors import MissingLayer
from recognition.hashes import reference_hashes
from recognition.layers import check_params
from recognition.match import segment_match
from recognition.params import DEFAULT, Params
from recognition.search import Search
from recognition.types import (
    Fingerprint,
    Landmarks,
    SegmentMatch,
    Vote,
)

SAME_AUDIO_COVERAGE = 0.97
SAME_RECORDING_COVERAGE = 0.60
SAME_AUDIO_TEMPO = 0.001
SAME_AUDIO_CENTS = 5.0
ALTERED_TEMPO = 0.005
ALTERED_CENTS = 10.0
OVERLAP_MS = 10_000
_EDGE_MS = 400  # landmarks thin out towards the ends of a run


class Relation(StrEnum):
    """What two recordings are to each other; exact files are told by their bytes."""

    SAME_AUDIO = "same_audio"
    SAME_RECORDING = "same_recording"
    OVERLAP = "overlap"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How recording ``a`` relates to recording ``b``.

    In ``runs`` the source is ``a`` and the reference is ``b``. Coverages are the
    shares (0–1) of the sound of each, silent ends trimmed, that runs in order cover.
    ``tempo_ratio`` and ``pitch_cents`` are those of the longest run, ``score`` the
    highest score of a run.
    """

    relation: Relation
    runs: tuple[SegmentMatch, ...]
    coverage_a: float
    coverage_b: float
    tempo_ratio: float
    pitch_cents: float
    score: float

    @property
    def altered(self) -> bool:
        """Whether tempo or pitch differ audibly."""
        tempo = abs(self.tempo_ratio - 1) > ALTERED_TEMPO
        return tempo or abs(self.pitch_cents) > ALTERED_CENTS


def compare(a: Fingerprint, b: Fingerprint, params: Params = DEFAULT) -> Comparison:
    """Align two recordings; both need their reference layer."""
    for fingerprint in (a, b):
        check_params(fingerprint, params)
    runs = _runs(a, b, params)
    if not runs:
        return Comparison(Relation.NONE, (), 0.0, 0.0, 1.0, 0.0, 0.0)
    ordered = _in_order(runs)
    extent_a, extent_b = _extent_ms(a, params), _extent_ms(b, params)
    shared_a = sum(run.end_ms - run.start_ms for run in ordered)
    shared_b = sum(run.reference_end_ms - run.reference_start_ms for run in ordered)
    longest = max(runs, key=lambda run: run.end_ms - run.start_ms)
    found = Comparison(
        relation=Relation.NONE,
        runs=tuple(runs),
        coverage_a=round(_share(shared_a, extent_a), 3),
        coverage_b=round(_share(shared_b, extent_b), 3),
        tempo_ratio=longest.tempo_ratio,
        pitch_cents=longest.pitch_cents,
        score=max(run.score for run in runs),
    )
    return _related(found, len(ordered), (extent_a, extent_b), (shared_a, shared_b))


def _related(
    found: Comparison,
    n_ordered: int,
    extents: tuple[int, int],
    shared: tuple[int, int],
) -> Comparison:
    relation = Relation.NONE
    shorter = 0 if extents[0] <= extents[1] else 1
    if _same_audio(found, n_ordered, extents):
        relation = Relation.SAME_AUDIO
    elif (found.coverage_a, found.coverage_b)[shorter] >= SAME_RECORDING_COVERAGE:
        relation = Relation.SAME_RECORDING
    elif max(shared) >= OVERLAP_MS:
        relation = Relation.OVERLAP
    return Comparison(
        relation,
        found.runs,
        found.coverage_a,
        found.coverage_b,
        found.tempo_ratio,
        found.pitch_cents,
        found.score,
    )


def _same_audio(found: Comparison, n_ordered: int, extents: tuple[int, int]) -> bool:
    unlike = abs(extents[0] - extents[1])
    return (
        n_ordered == 1
        and min(found.coverage_a, found.coverage_b) >= SAME_AUDIO_COVERAGE
        and abs(found.tempo_ratio - 1) <= SAME_AUDIO_TEMPO
        and abs(found.pitch_cents) <= SAME_AUDIO_CENTS
        and unlike <= max(2000, 0.01 * max(extents))
    )


def _share(shared_ms: int, extent_ms: int) -> float:
    return min(1.0, (shared_ms + _EDGE_MS) / max(1, extent_ms)) if shared_ms else 0.0


def _reference(fingerprint: Fingerprint) -> Landmarks:
    if fingerprint.reference is None:
        raise MissingLayer("reference")
    return fingerprint.reference


def _extent_ms(fingerprint: Fingerprint, params: Params) -> int:
    """Length of the sound between silent ends."""
    frames = _reference(fingerprint).frames
    return round((frames[-1] - frames[0]) * params.frame_ms) if len(frames) else 0


def _runs(a: Fingerprint, b: Fingerprint, params: Params) -> list[SegmentMatch]:
    landmarks = a.dense if a.dense is not None else _reference(a)
    n_frames = round(a.duration_ms / params.frame_ms) + 1
    view = view_of(landmarks, a.level_map if a.dense is not None else None, n_frames)
    reference = _reference(b)
    search = Search(
        view=view,
        index=_OneRecording(reference, params),
        buckets=[0],
        references=lambda _: reference,
        params=params,
        hours=1.0,
        closed=np.zeros(view.n_frames, dtype=np.bool_),
    )
    for stage in stages(params, robust_first=False, hours=1.0):
        search.run_stage(stage)
    return [
        segment_match(run, duration_ms=a.duration_ms, hours=1.0, params=params)
        for run in search.settled()
    ]


def _in_order(runs: Sequence[SegmentMatch]) -> list[SegmentMatch]:
    """The chain of runs, rising in both recordings, that covers the most."""
    runs = sorted(runs, key=lambda run: run.start_ms)
    covered = [run.end_ms - run.start_ms for run in runs]
    before: list[int | None] = [None] * len(runs)
    for i, run in enumerate(runs):
        own = run.end_ms - run.start_ms
        for j in range(i):
            follows = (
                runs[j].end_ms <= run.start_ms + 1000
                and runs[j].reference_end_ms <= run.reference_start_ms + 1000
            )
            if follows and covered[j] + own > covered[i]:
                covered[i], before[i] = covered[j] + own, j
    chain: list[SegmentMatch] = []
    at: int | None = max(range(len(runs)), key=covered.__getitem__)
    while at is not None:
        chain.append(runs[at])
        at = before[at]
    return chain[::-1]


class _OneRecording:
    """The postings of a single recording, in memory."""

    def __init__(self, reference: Landmarks, params: Params) -> None:
        hashes, frames = reference_hashes(reference, params)
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._frames = hashes[order], frames[order]

    def query(
        self,
        buckets: Sequence[int],
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
        *,
        top: int = 10,
        min_votes: int = 6,
    ) -> list[Vote]:
        """The best offsets of the one recording."""
        low = np.searchsorted(self._hashes, hashes, side="left")
        counts = np.searchsorted(self._hashes, hashes, side="right") - low
        total = int(counts.sum())
        if not total:
            return []
        ends = np.cumsum(counts)
        which = np.repeat(low - (ends - counts), counts) + np.arange(total)
        deltas = self._frames[which] - np.repeat(frames, counts)
        first = int(deltas.min()) - 1
        votes = np.convolve(np.bincount(deltas - first), np.ones(3, dtype=np.int64))
        best: list[Vote] = []
        for place in np.argsort(-votes, kind="stable")[: 8 * top]:
            delta = int(place) - 1 + first
            if votes[place] < min_votes or len(best) == top:
                break
            if all(abs(vote.delta - delta) > 2 for vote in best):
                best.append(Vote(0, 0, delta, int(votes[place])))
        return best
