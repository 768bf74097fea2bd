"""Scan a file: which recordings sound in it, where, from which interval, how surely.

Needs only the stored fingerprint, so a file can be scanned again without its audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import view_of
from recognition.calibration import catalogue_hours, e_value, score_of
from recognition.candidates import stages
from recognition.fingerprint import scan_layer
from recognition.levels import silent_frames
from recognition.params import DEFAULT, Params
from recognition.places import References
from recognition.policy import CaptureType, ScanPolicy
from recognition.search import Search
from recognition.segments import ScoringRun
from recognition.speech import speech_share
from recognition.types import (
    Fingerprint,
    LandmarkIndex,
    Progress,
    ScanResult,
    SegmentMatch,
    UnmatchedInterval,
    UnmatchedKind,
)
from recognition.unmatched import unmatched_intervals


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
    policy = policy or ScanPolicy()
    found = search(
        query,
        index=index,
        buckets=buckets,
        references=references,
        params=params,
        policy=policy,
        progress=progress,
    )
    silent, scanned = _masks(query, policy, params)
    return _result(query, found, silent=silent, scanned=scanned)


def search(
    query: Fingerprint,
    *,
    index: LandmarkIndex,
    buckets: Sequence[int],
    references: References,
    params: Params = DEFAULT,
    policy: ScanPolicy | None = None,
    progress: Progress | None = None,
) -> Search:
    """Return the search behind a scan: the runs found, and those refused."""
    policy = policy or ScanPolicy()
    dense, level_map = scan_layer(query, params)
    silent, scanned = _masks(query, policy, params)
    made = Search(
        view=view_of(dense, level_map, len(silent)),
        references=references,
        params=params,
        hours=catalogue_hours(sum(index.stats(b).postings for b in buckets)),
        closed=silent | ~scanned,
    )
    robust_first = policy.audio_type is CaptureType.RECORDED
    todo = stages(params, robust_first=robust_first, hours=made.hours)
    for number, stage in enumerate(todo):
        if progress is not None:
            progress(number / len(todo))
        made.run_stage(stage, index, buckets)
    if progress is not None:
        progress(1.0)
    return made


def _masks(
    query: Fingerprint, policy: ScanPolicy, params: Params
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which frames are silent, and which the policy has scanned."""
    _, level_map = scan_layer(query, params)
    n_frames = len(level_map.levels) * level_map.frames_per_cell
    silent = np.repeat(silent_frames(level_map, params), level_map.frames_per_cell)
    return silent, policy.scanned_frames(query.duration_ms, n_frames, params)


def segment_match(
    run: ScoringRun, *, duration_ms: int, hours: float, params: Params = DEFAULT
) -> SegmentMatch:
    """Convert a run to the library's output: milliseconds and a calibrated score."""
    ms = params.frame_ms
    (start, end), (r_start, r_end) = run.query_span, run.reference_span
    expected = e_value(run.bits, hours, params)
    before = max(0.0, min(params.edge_ms, start * ms, r_start * ms))
    after = min(params.edge_ms, max(0.0, duration_ms - end * ms))
    return SegmentMatch(
        recording=run.recording,
        start_ms=round(start * ms - before),
        end_ms=min(duration_ms, round(end * ms + after)),
        reference_start_ms=max(0, round(r_start * ms - before / run.line.slope)),
        reference_end_ms=round(r_end * ms + after / run.line.slope),
        tempo_ratio=round(1 / run.line.slope, 4),
        pitch_cents=round(run.line.shift * 1200 / params.bins_per_octave, 1),
        score=score_of(expected),
        bits=round(run.bits, 2),
        e_value=expected,
        aligned=run.aligned,
        expected_by_chance=round(run.p0 * run.known, 1),
    )


def _result(
    query: Fingerprint,
    search: Search,
    *,
    silent: NDArray[np.bool_],
    scanned: NDArray[np.bool_],
) -> ScanResult:
    def leave(run: ScoringRun) -> SegmentMatch:
        return segment_match(
            run,
            duration_ms=query.duration_ms,
            hours=search.hours,
            params=search.params,
        )

    segments = tuple(leave(run) for run in search.settled())
    unmatched = unmatched_intervals(
        segments,
        duration_ms=query.duration_ms,
        silent=silent,
        scanned=scanned,
        refused=[leave(run) for run in search.refused],
        params=search.params,
    )
    return _with_speech(
        ScanResult(query.duration_ms, segments, unmatched), query, search.params
    )


def _with_speech(result: ScanResult, query: Fingerprint, params: Params) -> ScanResult:
    """Add an estimate of speech to every match and every unmatched interval with sound."""
    dense, level_map = scan_layer(query, params)

    def share(part: SegmentMatch | UnmatchedInterval) -> float | None:
        return speech_share(dense, level_map, (part.start_ms, part.end_ms), params)

    return replace(
        result,
        segments=tuple(replace(s, speech=share(s)) for s in result.segments),
        unmatched=tuple(
            replace(s, speech=share(s)) if s.kind is UnmatchedKind.NO_MATCH else s
            for s in result.unmatched
        ),
    )
