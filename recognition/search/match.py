"""Scan a file: which recordings sound in it, where, from which interval, how surely.

Needs only the stored fingerprint, so a file can be scanned again without its audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.file_format import scan_layer
from recognition.fingerprints.levels import silent_frames
from recognition.index.interface import LandmarkIndex
from recognition.index.places import References
from recognition.params import DEFAULT, Params
from recognition.search.candidates import SearchStage, Warp, following, stages, sweep_every
from recognition.search.cascade import Search
from recognition.search.pauses import joined_over_pauses
from recognition.search.policy import CaptureType, ScanPolicy
from recognition.search.unmatched import unmatched_intervals
from recognition.types import (
    Fingerprint,
    Progress,
    ScanResult,
    SegmentMatch,
)
from recognition.verify.alignment import view_of
from recognition.verify.calibration import catalogue_hours, e_value, score_of
from recognition.verify.heard import heard_band
from recognition.verify.segments import ScoringRun


def scan(
    query: Fingerprint,
    *,
    index: LandmarkIndex,
    buckets: Sequence[int],
    references: References,
    params: Params = DEFAULT,
    policy: ScanPolicy | None = None,
    progress: Progress | None = None,
) -> ScanResult:
    """Return every segment of the buckets' recordings in the query, and unmatched
    intervals.

    ``query`` needs its scan layer. ``progress`` receives the share done, 0–1.
    """
    return searched(
        query,
        index=index,
        buckets=buckets,
        references=references,
        params=params,
        policy=policy,
        progress=progress,
    ).result()


def searched(
    query: Fingerprint,
    *,
    index: LandmarkIndex,
    buckets: Sequence[int],
    references: References,
    params: Params = DEFAULT,
    policy: ScanPolicy | None = None,
    progress: Progress | None = None,
) -> BegunScan:
    """Return a scan whose search is complete, with the runs found and those refused."""
    hours = catalogue_hours(sum(index.stats(b).postings for b in buckets))
    begun = begin(query, references=references, hours=hours, params=params, policy=policy)
    number = 0
    while begun.stage(number) is not None:
        if progress is not None:
            progress(number / len(begun.todo))
        number += begun.search.run_next(begun.todo[number:], index, buckets)
    if progress is not None:
        progress(1.0)
    return begun


@dataclass(frozen=True, slots=True)
class BegunScan:
    """A scan in progress: its search, the stages to do, and masks by frame.

    ``followed`` are the changes found so far that further stages search along.
    """

    query: Fingerprint
    search: Search
    todo: list[SearchStage]
    followed: list[Warp]
    silent: NDArray[np.bool_]
    scanned: NDArray[np.bool_]

    def stage(self, number: int) -> SearchStage | None:
        """Return a stage to do; None after the last.

        Once all that the catalogue's size demands are done, those that follow the
        changes found come.
        """
        if number == len(self.todo) and not self.followed:
            self.follow(self.search.changes())
        return self.todo[number] if number < len(self.todo) else None

    def follow(self, changes: Sequence[Warp]) -> None:
        """Add the stages that search along some changes of tempo and pitch."""
        self.followed.extend(changes)
        search = self.search
        self.todo.extend(following(changes, search.params, hours=search.hours))

    def match(self, run: ScoringRun) -> SegmentMatch:
        """Convert one of its runs to the library's output."""
        search = self.search
        return segment_match(
            run, duration_ms=self.query.duration_ms, hours=search.hours, params=search.params
        )

    def result(self, refused: Sequence[SegmentMatch] = ()) -> ScanResult:
        """Return the result of a search that is complete.

        ``refused`` are earlier alignments of the same scan that were too weak.
        """
        matches = [with_band(self.match(run), run, self.search) for run in self.search.settled()]
        segments = tuple(
            joined_over_pauses(
                matches, self.silent, hours=self.search.hours, params=self.search.params
            )
        )
        speech = self.search.speech
        unmatched = unmatched_intervals(
            segments,
            duration_ms=self.query.duration_ms,
            silent=self.silent,
            scanned=self.scanned,
            refused=[*refused, *(self.match(run) for run in self.search.refused)],
            speech=speech,
            params=self.search.params,
        )
        return ScanResult(
            self.query.duration_ms,
            segments,
            unmatched,
            speech,
            swept_every=sweep_every(self.search.hours, self.search.params),
        )


def begin(
    query: Fingerprint,
    *,
    references: References,
    hours: float,
    params: Params = DEFAULT,
    policy: ScanPolicy | None = None,
) -> BegunScan:
    """Prepare a scan of a catalogue of ``hours``; ``query`` needs its scan layer."""
    params = params.for_file(query.duration_ms)
    dense, level_map = scan_layer(query, params)
    policy = policy or ScanPolicy()
    n_frames = len(level_map.levels) * level_map.frames_per_cell
    silent = np.repeat(silent_frames(level_map, params), level_map.frames_per_cell)
    scanned = policy.scanned_frames(query.duration_ms, n_frames, params)
    search = Search(
        view=view_of(dense, level_map, n_frames, params),
        references=references,
        params=params,
        hours=hours,
        closed=silent | ~scanned,
    )
    robust_first = policy.audio_type is CaptureType.RECORDED
    todo = stages(params, robust_first=robust_first, hours=hours, widely=policy.widely)
    return BegunScan(query, search, todo, [], silent, scanned)


def segment_match(
    run: ScoringRun, *, duration_ms: int, hours: float, params: Params = DEFAULT
) -> SegmentMatch:
    """Convert a run to the library's output: milliseconds and a calibrated score."""
    ms = params.frame_ms
    (start, end), (r_start, r_end) = run.query_span, run.reference_span
    expected = e_value(run.bits, hours, params)
    slope = run.alignment.slope
    before = max(0.0, min(params.edge_ms, start * ms, r_start * ms * slope))
    after = min(params.edge_ms, max(0.0, duration_ms - end * ms))
    return SegmentMatch(
        recording=run.recording,
        start_ms=max(0, round(start * ms - before)),
        end_ms=min(duration_ms, round(end * ms + after)),
        reference_start_ms=max(0, round(r_start * ms - before / slope)),
        reference_end_ms=round(r_end * ms + after / slope),
        tempo_ratio=round(1 / slope, 4),
        pitch_cents=round(run.alignment.shift * 1200 / params.bins_per_octave, 1),
        score=score_of(expected),
        bits=round(run.bits, 2),
        e_value=expected,
        aligned=run.aligned,
        expected_by_chance=round(run.p0 * run.judged, 1),
    )


def with_band(match: SegmentMatch, run: ScoringRun, search: Search) -> SegmentMatch:
    """Add the band in which a run's recording is heard."""
    low, high = heard_band(search.view, run, search.params)
    return replace(match, low_hz=low, high_hz=high)
