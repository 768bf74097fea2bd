"""Compare two recordings: which intervals they share, and at what speed and pitch.

One recording is searched in an index that holds only the other. Landmarks suffice, so
no audio is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from recognition.fingerprints.file_format import reference_layer
from recognition.fingerprints.landmarks import select
from recognition.index.places import References
from recognition.params import DEFAULT, Params
from recognition.relate.loops import is_repeated, recurrence, repeats_within
from recognition.relate.single import OneRecording
from recognition.search.candidates import GRID, SPARSE, SearchStage, Warp, stages
from recognition.search.cascade import Search
from recognition.search.match import segment_match
from recognition.types import Fingerprint, Landmarks, SegmentMatch
from recognition.verify.alignment import Lead, QueryView, level_gaps, view_of
from recognition.verify.calibration import threshold_bits
from recognition.verify.evidence import weigh
from recognition.verify.extension import follow
from recognition.verify.lookup import ALIGNED
from recognition.verify.repeats import sorted_hashes
from recognition.verify.segments import ScoringRun, is_row

# The figures of the table in docs/recognition.md, Comparing recordings.
SAME_AUDIO_COVERAGE = 0.97
SAME_RECORDING_COVERAGE = 0.60
SAME_AUDIO_TEMPO = 0.001
SAME_AUDIO_CENTS = 5.0
ALTERED_TEMPO = 0.005
ALTERED_CENTS = 10.0
OVERLAP_MS = 10_000
# A sample in different music: at most this share of the landmarks in the runs is heard in
# both, and at least this share of those recurs after one period. Of 40 pairs with the same
# drums in different music .09 to .39 are heard in both, and in 37 pairs .38 to .73 of them
# recur; of copies under a voice up to 12 dB louder, at most .37 recur.
_SAMPLE_SHARE, _SAMPLE_RECURS = 0.45, 0.38
# How far a tempo may lead two short copies apart, as it was measured: 0.4 % of 2 s.
_APART_MS = 8
_EDGE_MS = 400  # milliseconds; landmarks thin out towards the ends of a run
# A fade: one end is this much quieter than its copy, in nepers (6 dB).
_FADE_NEPERS = 0.7
_FADE_MS = 2_500
# Fewer level differences give no reliable median.
_FEWEST_LEVELS = 12


class SoundRelation(StrEnum):
    """How two recordings relate; ``exact_file`` is decided by the bytes, not here."""

    SAME_AUDIO = "same_audio"
    SAME_RECORDING = "same_recording"
    OVERLAP = "overlap"
    SHARED_LOOP = "shared_loop"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SoundComparison:
    """How recording ``a`` relates to recording ``b``.

    - ``runs``: shared intervals, with ``a`` as source and ``b`` as reference.
    - ``coverage_a``, ``coverage_b``: share (0–1) of each recording, without silent
      ends, that the runs in order cover.
    - ``tempo_ratio``, ``pitch_cents``: of the longest run; ``score``: the highest of
      any run.
    - ``confidence`` (0–1): how surely the recordings align, and how far the
      measurements lie from the limit of another relation.
    """

    relation: SoundRelation
    runs: tuple[SegmentMatch, ...]
    coverage_a: float
    coverage_b: float
    tempo_ratio: float
    pitch_cents: float
    score: float
    confidence: float = 1.0

    @property
    def altered(self) -> bool:
        """Whether tempo or pitch differ audibly."""
        tempo = abs(self.tempo_ratio - 1) > ALTERED_TEMPO
        return tempo or abs(self.pitch_cents) > ALTERED_CENTS


_UNRELATED = SoundComparison(SoundRelation.NONE, (), 0.0, 0.0, 1.0, 0.0, 0.0)


def compare(a: Fingerprint, b: Fingerprint, params: Params = DEFAULT) -> SoundComparison:
    """Align two recordings; both need their reference layer.

    The result is symmetric, apart from which recording is ``a``.
    """
    layers = reference_layer(a, params), reference_layer(b, params)
    params = _params_for(layers, params)
    pair = _Pair(layers, (a.duration_ms, b.duration_ms), params, scanned=a)
    return pair.compared()


def related(
    a: Landmarks, b: Landmarks, leads: Sequence[Lead], params: Params = DEFAULT
) -> SoundComparison | None:
    """Compare two recordings along leads from an index; None if no lead verifies.

    Searches further only at the speeds and pitches found, so it costs a few
    milliseconds where ``compare`` costs a hundred.
    """
    if not len(a.frames) or not len(b.frames):
        return None
    params = _params_for((a, b), params)
    lengths = _length_ms(a, params), _length_ms(b, params)
    view = view_of(a, None, int(a.frames[-1]) + 1)
    verified = [lead for lead in leads if _verifies(view, b, lead, params)]
    if not verified:
        return None
    return _Pair((a, b), lengths, params, leads=tuple(verified)).compared()


def _verifies(view: QueryView, b: Landmarks, lead: Lead, params: Params) -> bool:
    run = follow(view, b, lead, params)
    if run is None or not is_row(run, params):
        return False
    return run.bits >= threshold_bits(1.0, params)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two recordings under comparison; ``scanned`` may add a denser layer of ``a``.

    With ``leads`` the search starts there and continues at their speeds only.
    """

    layers: tuple[Landmarks, Landmarks]
    lengths: tuple[int, int]
    params: Params
    scanned: Fingerprint | None = None
    leads: tuple[Lead, ...] = ()

    def compared(self) -> SoundComparison:
        """Return the relation and the measurements behind it."""
        runs_found = self._runs()
        if not runs_found:
            return _UNRELATED
        runs = [
            segment_match(run, duration_ms=self.lengths[0], hours=1.0, params=self.params)
            for run in runs_found
        ]
        ordered = _in_order(runs)
        extents = tuple(_extent_ms(layer, self.params) for layer in self.layers)
        shared = (
            sum(run.end_ms - run.start_ms for run in ordered),
            sum(run.reference_end_ms - run.reference_start_ms for run in ordered),
        )
        longest = max(runs, key=lambda run: run.end_ms - run.start_ms)
        measured = SoundComparison(
            relation=SoundRelation.NONE,
            runs=tuple(runs),
            coverage_a=round(_share(shared[0], extents[0]), 3),
            coverage_b=round(_share(shared[1], extents[1]), 3),
            tempo_ratio=longest.tempo_ratio,
            pitch_cents=longest.pitch_cents,
            score=max(run.score for run in runs),
        )
        same = (
            len(ordered) == 1
            and _same_length(measured, extents)
            and min(measured.coverage_a, measured.coverage_b) >= SAME_AUDIO_COVERAGE
            and not self._is_faded(runs_found)
        )
        sample = not same and self._is_sample(runs_found)
        return self._related(measured, extents, shared, ordered, same=same, sample=sample)

    def _related(
        self,
        comparison: SoundComparison,
        extents: tuple[int, ...],
        shared: tuple[int, int],
        ordered: Sequence[SegmentMatch],
        *,
        same: bool,
        sample: bool,
    ) -> SoundComparison:
        shorter = 0 if extents[0] <= extents[1] else 1
        coverage = (comparison.coverage_a, comparison.coverage_b)
        if same:
            relation, margin = (
                SoundRelation.SAME_AUDIO,
                (min(coverage) - SAME_AUDIO_COVERAGE) / 0.02,
            )
        elif sample:
            relation, margin = SoundRelation.SHARED_LOOP, 1.0
        elif coverage[shorter] >= SAME_RECORDING_COVERAGE:
            # A logo within a song is no version of it.
            is_part = max(shared) < OVERLAP_MS and 2 * min(extents) < max(extents)
            relation = SoundRelation.OVERLAP if is_part else SoundRelation.SAME_RECORDING
            margin = (coverage[shorter] - SAME_RECORDING_COVERAGE) / 0.1
        elif self._is_loop(comparison.runs, ordered):
            relation, margin = SoundRelation.SHARED_LOOP, 1.0
        elif max(shared) >= OVERLAP_MS:
            relation, margin = SoundRelation.OVERLAP, (max(shared) - OVERLAP_MS) / 2000
        else:
            relation, margin = SoundRelation.NONE, (OVERLAP_MS - max(shared)) / 2000
        sure = comparison.score / 100 if relation is not SoundRelation.NONE else 1.0
        confidence = round(sure * min(1.0, 0.5 + margin / 2), 2)
        return replace(comparison, relation=relation, confidence=confidence)

    def _is_loop(self, runs: Sequence[SegmentMatch], ordered: Sequence[SegmentMatch]) -> bool:
        """Return whether the shared sound is one short interval, repeated."""
        if is_repeated(runs) or is_repeated([_turned(run) for run in runs]):
            return True
        longest = max(ordered, key=lambda run: run.end_ms - run.start_ms)
        landmarks, ms = self.layers[1], self.params.frame_ms
        inside = (landmarks.frames * ms >= longest.reference_start_ms) & (
            landmarks.frames * ms <= longest.reference_end_ms
        )
        return repeats_within(select(landmarks, inside), self.params) is not None

    def _is_sample(self, runs: Sequence[ScoringRun]) -> bool:
        """Return whether a loop or drums in different music is all that both share."""
        reference = self.layers[1]
        view = view_of(self.layers[0], None, int(self.layers[0].frames[-1]) + 1)
        shared, inside = np.zeros((2, len(reference.frames)), dtype=np.bool_)
        for run in runs:
            span = run.first, run.last + 1
            evidence = weigh(view, reference, span, run.alignment, params=self.params)
            shared[slice(*span)] |= evidence.states == ALIGNED
            inside[slice(*span)] = True
        return bool(
            shared.sum() <= _SAMPLE_SHARE * inside.sum()
            and recurrence(select(reference, shared), self.params) >= _SAMPLE_RECURS
        )

    def _is_faded(self, runs: Sequence[ScoringRun]) -> bool:
        """Return whether one recording fades in or out where the other does not."""
        longest = max(runs, key=lambda run: run.length)
        frames, gaps = level_gaps(
            view_of(self.layers[0], None, int(self.layers[0].frames[-1]) + 1),
            longest.reference,
            longest.alignment,
        )
        if len(gaps) < 4 * _FEWEST_LEVELS:
            return False
        middle = float(np.median(gaps))
        edge = _FADE_MS / self.params.frame_ms
        ends = (frames <= frames[0] + edge, frames >= frames[-1] - edge)
        return any(
            end.sum() >= _FEWEST_LEVELS and abs(float(np.median(gaps[end])) - middle) > _FADE_NEPERS
            for end in ends
        )

    def _runs(self) -> list[ScoringRun]:
        landmarks, reference = self.layers
        level_map = None
        if self.scanned is not None and self.scanned.dense is not None:
            landmarks, level_map = self.scanned.dense, self.scanned.level_map
        n_frames = round(self.lengths[0] / self.params.frame_ms) + 1
        view = view_of(landmarks, level_map, n_frames)
        index = OneRecording(sorted_hashes(reference, self.params))
        search = Search(
            view=view,
            references=References.held({0: reference}, self.params),
            params=self.params,
            hours=1.0,
            closed=np.zeros(view.n_frames, dtype=np.bool_),
        )
        search.follow_all(replace(lead, recording=0) for lead in self.leads)
        for stage in self._stages(search.runs):
            search.run_stage(stage, index, [0])
        return search.settled()

    def _stages(self, runs: Sequence[ScoringRun]) -> list[SearchStage]:
        if not self.leads:
            return stages(self.params, robust_first=False, hours=1.0, widely=True)
        longest = max(runs, key=lambda run: run.length, default=None)
        if longest is None or not self.leads[0].warped:
            return [SearchStage(SPARSE, Warp(), self.params.sparse_top, hours=1.0)]
        warp = Warp(1 / longest.alignment.slope, longest.alignment.shift)
        return [SearchStage(GRID, warp, self.params.grid_top, hours=1.0)]


def _same_length(comparison: SoundComparison, extents: tuple[int, ...]) -> bool:
    """Return whether tempo, pitch and length allow two recordings to be the same audio."""
    unlike = abs(extents[0] - extents[1])
    return (
        abs(comparison.tempo_ratio - 1) <= max(SAME_AUDIO_TEMPO, _APART_MS / max(extents))
        and abs(comparison.pitch_cents) <= SAME_AUDIO_CENTS
        and unlike <= max(2000, 0.01 * max(extents))
    )


def _turned(run: SegmentMatch) -> SegmentMatch:
    """Return the run with source and reference swapped."""
    return replace(
        run,
        start_ms=run.reference_start_ms,
        end_ms=run.reference_end_ms,
        reference_start_ms=run.start_ms,
        reference_end_ms=run.end_ms,
        tempo_ratio=1 / run.tempo_ratio,
        pitch_cents=-run.pitch_cents,
    )


def _share(shared_ms: int, extent_ms: int) -> float:
    return min(1.0, (shared_ms + _EDGE_MS) / max(1, extent_ms)) if shared_ms else 0.0


def _length_ms(landmarks: Landmarks, params: Params) -> int:
    frames = landmarks.frames
    return round((int(frames[-1]) + 1) * params.frame_ms) if len(frames) else 0


def _params_for(layers: tuple[Landmarks, Landmarks], params: Params) -> Params:
    """Return the parameters for the shorter of two recordings."""
    return params.for_file(min(_extent_ms(layer, params) for layer in layers))


def _extent_ms(landmarks: Landmarks, params: Params) -> int:
    """Return the length of the sound between silent ends, in milliseconds."""
    frames = landmarks.frames
    return round((frames[-1] - frames[0]) * params.frame_ms) if len(frames) else 0


def _in_order(runs: Sequence[SegmentMatch]) -> list[SegmentMatch]:
    """Return the chain of runs, rising in both recordings, that covers the most."""
    runs = sorted(runs, key=lambda run: run.start_ms)
    covered = [run.end_ms - run.start_ms for run in runs]
    before: list[int | None] = [None] * len(runs)
    for i, run in enumerate(runs):
        own = run.end_ms - run.start_ms
        for j in range(i):
            # A second of overlap is allowed, since the edges of runs are not exact.
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
