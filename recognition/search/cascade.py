"""Run the cascade over one query; each stage searches only unexplained intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.hashes import Hashes
from recognition.fingerprints.landmarks import ranks_of, select
from recognition.index.places import PlaceTable, References, Weights, places_of
from recognition.params import Params
from recognition.search.candidates import (
    DENSE,
    LONG,
    ON_GRID,
    PLAIN,
    SWEPT,
    WIDE,
    SearchStage,
    VoteSource,
    Warp,
    is_swept_twice,
    line_votes,
    lines_at_once,
    voted_leads,
    warped,
    window_votes,
    windows_of,
)
from recognition.search.sweep import glance, sweep, weights_of
from recognition.search.wide import Heard, aligned_votes, heard_in, wide_leads, wide_places
from recognition.speech.judging import judge
from recognition.speech_track import HALF_MS, SpeechTrack
from recognition.types import Landmarks, LevelMap, Votes
from recognition.verify.alignment import Alignment, Lead, QueryView, view_of
from recognition.verify.bends import chosen_with_drifts, meeting
from recognition.verify.calibration import threshold_bits
from recognition.verify.extension import follow, raw_in, same_warp, whole_run, whole_window
from recognition.verify.phases import (
    agreeing,
    coherence,
    extended,
    phase_bits,
    window_coherence,
)
from recognition.verify.relief import relief_bits
from recognition.verify.repeats import better_repeat, sorted_hashes
from recognition.verify.segments import ScoringRun, is_row, joined, overlap, room

_SAME_ALIGNMENT = 20  # frames
_LONG = 3750  # frames: a minute
_SOUGHT = 200  # recordings, half a day of music, that are sought again
_HEARD = 256  # windows of a wide grid, in three hours: 22 MB
_ORIGINAL = Alignment(1.0, 0.0, 0.0)


@dataclass
class Search:
    """A search in progress.

    ``closed`` marks frames not to search: silence, and what the policy skips. ``hours``
    is the size of the catalogue, on which the threshold depends.
    """

    view: QueryView
    references: References
    params: Params
    hours: float
    closed: NDArray[np.bool_]
    runs: list[ScoringRun] = field(default_factory=list)
    refused: list[ScoringRun] = field(default_factory=list)
    loaded: dict[int, Landmarks] = field(default_factory=dict)
    hashed: dict[int, Hashes] = field(default_factory=dict)
    # How many runs found so far closed frames, and the frames they left open.
    _open: tuple[int, NDArray[np.bool_]] = field(init=False)
    # The runs found by recording, and how many of those found are among them.
    _of_recording: dict[int, list[ScoringRun]] = field(init=False, default_factory=dict)
    _sorted: int = field(init=False, default=0)
    _raws: dict[tuple[int, tuple[int, int]], float] = field(init=False, default_factory=dict)

    # The query at the warps that stages follow.
    _views: dict[Warp, QueryView] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Open all frames that are to be searched."""
        self._open = 0, ~self.closed

    def run_next(
        self, todo: Sequence[SearchStage], index: VoteSource, buckets: Sequence[int]
    ) -> int:
        """Run the first stage to do, or the first lines of a grid; return how many."""
        open_frames = self.open_frames()
        lines = lines_at_once(todo, open_frames, self.params)
        if len(lines) == 1:
            self.run_stage(lines[0], index, buckets)
            return 1
        votes = line_votes(
            index,
            buckets,
            self.sparse_landmarks,
            lines=lines,
            open_frames=open_frames,
            params=self.params,
        )
        before = len(self.runs)
        for number, (line, windows) in enumerate(zip(lines, votes, strict=True), 1):
            for window, offsets in windows:
                self.follow_votes(line, window, offsets)
            if len(self.runs) > before:  # other frames are open to the next line
                return number
        return len(lines)

    def run_stage(self, stage: SearchStage, index: VoteSource, buckets: Sequence[int]) -> None:
        """Search the index for more runs in the frames that are still open."""
        if stage.name in SWEPT:
            self.sweep(stage)
            return

        votes_by_window = window_votes(
            index,
            buckets,
            self.landmarks(stage),
            stage=stage,
            open_frames=self.open_frames(stage),
            params=self.params,
        )
        for window, votes in votes_by_window:
            self.follow_votes(stage, window, votes)

    def follow_votes(self, stage: SearchStage, window: tuple[int, int], votes: Votes) -> None:
        """Verify a window's strongest offsets, and weaker ones that a glance chooses.

        Of the grids, those along which many landmarks align.
        """
        params, tables = self.params, self.references.places
        if stage.name == WIDE:
            heard = self.heard(window)
            _, places = wide_places(tables, heard, votes, stage.warp, params)
            self.follow_all(wide_leads(places, window, stage, params))
            return
        if stage.name in ON_GRID and len(votes):
            votes = aligned_votes(tables, self.heard(window), votes, stage, params)
        self.follow_all(voted_leads(window, votes, stage, params))
        if stage.name == DENSE:
            where, weights = (window, stage.warp), self.weights(window, stage)
            weak = votes[stage.top :]
            self.follow_all(glance(tables, where, weights, weak, params))

    @cached_property
    def heard(self) -> Callable[[tuple[int, int]], Heard]:
        """Returns where a window has landmarks, kept for the next lines of a grid."""

        @lru_cache(maxsize=_HEARD)
        def heard(window: tuple[int, int]) -> Heard:
            return heard_in(self.view, window, self.params)

        return heard

    def weights(self, window: tuple[int, int], stage: SearchStage) -> Weights:
        """Return the weights of the window's open frames at the warp of a stage."""
        view, open_frames = self.view, self.open_frames(stage)
        if stage.warp == PLAIN:
            return weights_of(view, window, open_frames, self.params)
        if stage.warp not in self._views:
            self._views[stage.warp] = _warped_view(view, stage.warp, self.params)
        view = self._views[stage.warp]
        at = (np.arange(view.n_frames) / stage.warp.tempo).astype(np.int64)
        still_open = open_frames[np.minimum(at, len(open_frames) - 1)]
        return weights_of(view, stage.warp.frames(window), still_open, self.params)

    def sweep(self, stage: SearchStage) -> None:
        """Compare the open frames with every place of every recording."""
        windows = windows_of(stage, self.open_frames(stage), self.params)
        if windows:
            weighed = (((window, stage.warp), self.weights(window, stage)) for window in windows)
            self.follow_all(sweep(self.references.places, weighed, self.params))

    def changes(self) -> list[Warp]:
        """Return the changes of tempo and pitch found, most of the file first."""
        lengths: dict[Warp, float] = {}
        for run in sorted(self.runs, key=lambda run: -run.length):
            if same_warp(run.alignment, _ORIGINAL):
                continue
            like = next(
                (warp for warp in lengths if same_warp(_alignment(warp), run.alignment)),
                Warp(1 / run.alignment.slope, run.alignment.shift),
            )
            lengths[like] = lengths.get(like, 0.0) + run.length
        ranked = sorted(lengths, key=lambda warp: -lengths[warp])
        return ranked[: self.params.followed_lines]

    def landmarks(self, stage: SearchStage) -> Landmarks:
        """Return the query's landmarks at the density that a stage hashes."""
        if stage.name == DENSE:
            likely = self.ranks <= self.params.likely_rank
            return select(self.view.landmarks, likely)
        return self.sparse_landmarks

    @cached_property
    def sparse_landmarks(self) -> Landmarks:
        """The query's landmarks as sparse as a reference's."""
        return select(self.view.landmarks, self.ranks == 0)

    @cached_property
    def ranks(self) -> NDArray[np.uint8]:
        """The rank of each of the query's landmarks; see ``ranks_of``."""
        return ranks_of(self.view.landmarks, self.params)

    def follow_all(self, proposed: Iterable[Lead]) -> None:
        """Verify leads, except where a run already explains the window."""
        for lead in proposed:
            runs = self._runs_of(lead.recording)
            for part in unexplained(lead, runs, self.view.n_frames, self.params):
                run = self._weighed(part)
                if run is None:
                    continue
                if self._is_found(run):
                    self.runs.append(self._at_best_repeat(run, part))
                elif run.bits > 0:
                    # Kept as the closest candidate of an unmatched interval.
                    self.refused.append(run)

    def _runs_of(self, recording: int) -> list[ScoringRun]:
        """Return the runs of a recording found so far."""
        for run in self.runs[self._sorted :]:
            self._of_recording.setdefault(run.recording, []).append(run)
        self._sorted = len(self.runs)
        return self._of_recording.get(recording, [])

    def settled(self) -> list[ScoringRun]:
        """Return the runs found, without those that others replace.

        Each begins and ends where its recording does, or another run of it; see
        ``whole_run`` and ``meeting``. The one with most evidence is extended first.
        """
        self._seek_again()
        runs = chosen_with_drifts(self.runs, self.follow_all, self.params)
        for number, run in enumerate(runs):
            within = room(run, runs, self.view.n_frames)
            whole = whole_run(self.view, run, within, self.params)
            runs[number] = extended(self.view, whole, within, self.params)
        return meeting(joined(runs, self.params), self.params)

    def _seek_again(self) -> None:
        """Look for the recordings found in all that nothing explains yet.

        Of these few, every place can be compared whatever the catalogue's size is, and in
        long windows, in which what is buried stands out.
        """
        found = sorted({run.recording for run in self.runs})[:_SOUGHT]
        # Every long window is swept in a catalogue as small as these.
        stage = SearchStage(LONG, PLAIN, self.params.sweep_top, 0.0)
        windows = windows_of(stage, self.open_frames(stage), self.params) if found else []
        if not windows:
            return
        places = {number: places_of(self._reference(number), self.params) for number in found}
        weighed = (((window, PLAIN), self.weights(window, stage)) for window in windows)
        self.follow_all(sweep([PlaceTable.of(places)], weighed, self.params))

    def open_frames(self, stage: SearchStage | None = None) -> NDArray[np.bool_]:
        """Return which frames are still to be searched, in a stage that follows a
        change only those around it.
        """
        still_open = self._still_open()
        if stage is not None and stage.name == LONG:
            # Music that nothing covers was found in short windows, if it is known.
            covered = is_swept_twice(stage.hours, self.params)
            return still_open & ~self._alone if covered else still_open
        if stage is None or stage.warp == PLAIN or stage.name in ON_GRID:
            return still_open
        along = [run for run in self.runs if same_warp(run.alignment, _alignment(stage.warp))]
        if not along:  # a partition, which knows no runs but gets what is open
            return still_open
        around = np.zeros(len(still_open), dtype=np.bool_)
        reach = self.params.followed_frames
        for run in along:
            start, end = run.query_span
            around[max(0, int(start) - reach) : int(end) + reach] = True
        return still_open & around

    @cached_property
    def speech(self) -> SpeechTrack:
        """Where the query holds speech and music."""
        view = self.view
        return judge(LevelMap(view.map_levels, view.map_frames, view.map_bins))

    @cached_property
    def _alone(self) -> NDArray[np.bool_]:
        """The frames in which music plays alone."""
        alone = np.zeros(len(self.closed), dtype=np.bool_)
        halves = self.speech.music_alone
        at = (np.arange(len(alone)) * self.params.frame_ms / HALF_MS).astype(np.int64)
        inside = at < len(halves)
        alone[inside] = halves[at[inside]]
        return alone

    def _still_open(self) -> NDArray[np.bool_]:
        runs, still_open = self._open
        if runs < len(self.runs):
            still_open = still_open.copy()
            for run in self.runs[runs:]:
                start, end = run.query_span
                still_open[max(0, int(start)) : int(end) + 1] = False
            self._open = len(self.runs), still_open
        return still_open

    def _weighed(self, lead: Lead) -> ScoringRun | None:
        """Return the best run along a lead, with all evidence included."""
        if lead.is_weak:
            return self._over_window(lead, None, 0.0)
        run = follow(
            self.view,
            self._reference(lead.recording),
            lead,
            self.params,
            beyond=self._raw_bits_to_beat(lead),
        )
        if run is not None and self._gives_way(run):
            return None
        if run is not None and is_row(run, self.params):
            # The sweep chose this place partly by its levels, so they count less.
            price = self.params.sweep_bits if lead.swept else 0.0
            run = self._with_relief(run, price)
        bits = 0.0
        if run is not None:
            run = self._doubted(run)
            bits, run = run.bits, self._with_phases(run)
        return run if lead.warped else self._over_window(lead, run, bits)

    def _raw_bits_to_beat(self, lead: Lead) -> float:
        """Return the most ``raw`` bits in a lead's window of a long run of its recording.

        To follow looped music along every repeat of minutes is slow, and the best one
        fits better in most of its windows. Of shorter runs it may lead in one only.
        """
        start, end = lead.window
        around = (
            run
            for run in self._runs_of(lead.recording)
            if run.length >= _LONG and run.query_span[0] <= start and end <= run.query_span[1]
        )
        return max((self._raw_in(run, lead.window) for run in around), default=0.0)

    def _raw_in(self, run: ScoringRun, window: tuple[int, int]) -> float:
        key = id(run), window
        if key not in self._raws:
            self._raws[key] = raw_in(self.view, run, window, self.params)
        return self._raws[key]

    def _gives_way(self, run: ScoringRun) -> bool:
        """Return whether ``chosen`` would prefer a known run of the same recording.

        Looped music aligns at dozens of offsets, and weighing each completely is slow.
        """
        return any(
            rival.raw >= run.raw and overlap(run, rival) > run.length / 2
            for rival in self._runs_of(run.recording)
        )

    def _over_window(self, lead: Lead, run: ScoringRun | None, bits: float) -> ScoringRun | None:
        """Return the run of a lead, or that of its whole window.

        Only for places that the sweep chose, and those at which phases agree. ``bits`` are
        those of the run's landmarks.
        """
        if run is not None and self._is_found(run):
            return run
        reference = self._reference(lead.recording)
        agreed = window_coherence(self.view, reference, lead, self.params)
        # Repeats of a loop have its phases, too: one of them is known.
        coherent = phase_bits(agreed, self.params) > 0 and not self._is_explained(lead)
        if not coherent and (lead.is_weak or not lead.swept):
            return run
        whole = whole_window(self.view, reference, lead, self.params)
        if whole is None:
            return run
        runs = [] if run is None else [run]
        if coherent and self._present(whole) >= self.params.phase_present:
            runs.append(self._by_phases(whole, bits))
        if whole.bits >= self.params.whole_bits:
            runs.append(self._with_phases(self._doubted(self._with_relief(whole))))
        return max(runs, key=lambda run: run.bits, default=None)

    def _is_explained(self, lead: Lead) -> bool:
        """Return whether a known run of the same recording fills half of a lead's window."""
        start, end = lead.window
        return any(
            min(run.query_span[1], end) - max(run.query_span[0], start) > (end - start) / 2
            for run in self._runs_of(lead.recording)
        )

    def _with_phases(self, run: ScoringRun) -> ScoringRun:
        """Add the evidence of phases to a run that may be a row and needs it."""
        if run.bits >= self.params.relief_most or not is_row(run, self.params):
            return run
        span = run.first, run.last + 1
        agreed = coherence(self.view, run.reference, span, run.alignment, self.params)
        bits = phase_bits(agreed, self.params) * self._variety(run)
        return replace(run, bits=run.bits + bits)

    def _by_phases(self, whole: ScoringRun, bits: float) -> ScoringRun:
        """Return the part of a window's run in which phases agree, with their evidence.

        What is buried lacks most landmarks, so that those missing say nothing against it;
        ``bits`` are for it, of the landmarks in the window's best run.
        """
        bare = replace(whole, bits=max(bits, 0.0))
        return self._with_phases(agreeing(self.view, bare, self.params))

    def _with_relief(self, run: ScoringRun, price: float = 0.0) -> ScoringRun:
        """Add the level evidence to a run, reduced by ``price`` but never below 0."""
        relief = relief_bits(self.view, run, self.params)
        return replace(run, bits=run.bits + relief - min(price, max(0.0, relief)))

    def _doubted(self, run: ScoringRun) -> ScoringRun:
        """Reduce the bits of a run that lacks landmarks or repeats a few sounds.

        Counts the share of its landmarks that are not absent, and the share of the
        pitches that so many aligned landmarks should have.
        """
        if run.bits <= 0 or not run.aligned:
            return run
        return replace(run, bits=run.bits * self._present(run) * self._variety(run))

    def _present(self, run: ScoringRun) -> float:
        """Return the share of a run's landmarks that are not absent."""
        return run.aligned / max(1.0, run.aligned + self.params.absent_share * run.absent)

    def _variety(self, run: ScoringRun) -> float:
        """Return the share of a run's evidence that counts if few sounds recur in it."""
        aligned = float(max(1, run.aligned))
        expected: float = self.params.pitch_share * aligned**self.params.pitch_power
        return min(1.0, run.pitches / expected)

    def _is_found(self, run: ScoringRun) -> bool:
        threshold = threshold_bits(self.hours, self.params)
        return is_row(run, self.params) and run.bits >= threshold

    def _at_best_repeat(self, run: ScoringRun, lead: Lead) -> ScoringRun:
        """Return the run, or a repeat of its interval that fits better."""
        if run.recording not in self.hashed:
            self.hashed[run.recording] = sorted_hashes(run.reference, self.params)
        alignment = better_repeat(self.view, run, self.hashed[run.recording], self.params)
        if alignment is None:
            return run
        start, end = run.query_span
        again = self._weighed(
            replace(lead, alignment=alignment, window=(int(start), int(end) + 1), nearby=(0.0,))
        )
        if again is None or not self._is_found(again) or again.raw <= run.raw:
            return run
        return again

    def _reference(self, recording: int) -> Landmarks:
        if recording not in self.loaded:
            self.loaded[recording] = self.references.landmarks_of(recording)
        return self.loaded[recording]


def _alignment(warp: Warp) -> Alignment:
    return Alignment(1 / warp.tempo, 0.0, warp.shift)


def _warped_view(view: QueryView, warp: Warp, params: Params) -> QueryView:
    """Return the query as it would sound at the recording's own tempo and pitch."""
    n_frames = round(view.n_frames * warp.tempo)
    rows, columns = view.map_levels.shape
    row = (np.arange(-(-n_frames // view.map_frames)) + 0.5) / warp.tempo
    column = np.rint(np.arange(columns) + warp.shift / view.map_bins)
    levels = view.map_levels[np.minimum(row.astype(np.int64), rows - 1)]
    levels = levels.take(np.clip(column, 0, columns - 1).astype(np.int64), axis=1)
    level_map = LevelMap(levels, view.map_frames, view.map_bins)
    landmarks = warped(view.landmarks, warp, params)
    return view_of(landmarks, level_map, n_frames, params)


def unexplained(
    lead: Lead, runs: Iterable[ScoringRun], n_frames: int, params: Params
) -> list[Lead]:
    """Limit a lead to the parts of its window that no run on its alignment explains.

    Beyond the end of a run the recording may continue along the same alignment, for
    example after a voice. ``n_frames`` is the length of the query.
    """
    spans = sorted(
        run.query_span for run in runs if run.recording == lead.recording and _on_line(run, lead)
    )
    if not spans:
        return [lead]
    least = params.min_segment_ms / params.frame_ms
    ends = [0, *(int(end) + 1 for _, end in spans)]
    starts = [*(int(start) for start, _ in spans), n_frames]
    parts = []
    for within in zip(ends, starts, strict=True):
        window = max(within[0], lead.window[0]), min(within[1], lead.window[1])
        if window[1] - window[0] >= least:
            parts.append(replace(lead, window=window, within=within))
    return parts


def _on_line(run: ScoringRun, lead: Lead) -> bool:
    """Return whether a run of the lead's recording lies on the lead's alignment in its
    window.
    """
    start, end = run.query_span
    if start >= lead.window[1] or end <= lead.window[0]:
        return False
    middle = sum(lead.window) / 2
    reference = run.alignment.reference_frame(middle)
    return abs(lead.alignment.query_frame(reference) - middle) < _SAME_ALIGNMENT
