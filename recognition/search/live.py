"""Search the last seconds of a stream, while its recordings play.

Plays that go on are followed along their alignments; only what none of them explains is
searched, by the two stages that cost little. Later scans find the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from recognition.fingerprints.file_format import scan_layer
from recognition.fingerprints.levels import silent_frames
from recognition.index.interface import LandmarkIndex
from recognition.index.places import References
from recognition.params import DEFAULT, Params
from recognition.search.candidates import DENSE, SPARSE, SearchStage, Warp
from recognition.search.cascade import Search
from recognition.search.match import segment_match
from recognition.search.policy import CaptureType
from recognition.types import Fingerprint, SegmentMatch
from recognition.verify.alignment import Alignment, Lead, view_of
from recognition.verify.calibration import catalogue_hours
from recognition.verify.extension import follow
from recognition.verify.segments import ScoringRun, overlap, same_line

WINDOW_MS: Final = 16_000
"""How much of the last sound one search hears."""


@dataclass(frozen=True, slots=True)
class OpenPlay:
    """A recording that played when it was last heard, and its alignment.

    ``offset_ms`` is the query's time of the recording's first sample; it may be negative.
    """

    recording: int
    offset_ms: float
    tempo_ratio: float
    pitch_cents: float


@dataclass(frozen=True, slots=True)
class HeardNow:
    """What sounds in the window: the evidence for each open play, in their order, None
    for those that are not heard; and other segments.
    """

    followed: tuple[SegmentMatch | None, ...]
    found: tuple[SegmentMatch, ...]


def hear(
    query: Fingerprint,
    plays: Sequence[OpenPlay],
    *,
    index: LandmarkIndex,
    buckets: Sequence[int],
    references: References,
    audio_type: CaptureType = CaptureType.LINEIN,
    params: Params = DEFAULT,
) -> HeardNow:
    """Follow plays in a window of a stream, and search the unexplained sound.

    ``query`` needs its scan layer.
    """
    dense, level_map = scan_layer(query, params)
    n_frames = len(level_map.levels) * level_map.frames_per_cell
    silent = np.repeat(silent_frames(level_map, params), level_map.frames_per_cell)
    search = Search(
        view=view_of(dense, level_map, n_frames, params),
        references=references,
        params=params,
        hours=catalogue_hours(sum(index.stats(b).postings for b in buckets)),
        closed=silent,
    )
    going_on: list[ScoringRun | None] = []
    for play in plays:
        lead = Lead(play.recording, _alignment_of(play, params), (0, n_frames), 0, False)
        run = follow(search.view, references.landmarks_of(play.recording), lead, params)
        # Known since long, so that less evidence is enough than for a new play.
        heard = run is not None and run.bits >= params.candidate_bits
        going_on.append(run if heard else None)
        if run is not None and heard:
            search.runs.append(run)
    names = [DENSE] if audio_type is CaptureType.RECORDED else [SPARSE, DENSE]
    tops = {SPARSE: params.sparse_top, DENSE: params.dense_top}
    for name in names:
        stage = SearchStage(name, Warp(), tops[name], search.hours)
        search.run_stage(stage, index, buckets)

    def leave(run: ScoringRun) -> SegmentMatch:
        return segment_match(run, duration_ms=query.duration_ms, hours=search.hours, params=params)

    settled = search.settled()
    followed = [None if run is None else _containing_run(settled, run, params) for run in going_on]
    followed_ids = set(map(id, followed))
    return HeardNow(
        followed=tuple(None if run is None else leave(run) for run in followed),
        found=tuple(leave(run) for run in settled if id(run) not in followed_ids),
    )


def _containing_run(settled: Sequence[ScoringRun], run: ScoringRun, params: Params) -> ScoringRun:
    """Return the settled run of which a play's run is part.

    If there is none, another alignment of the recording fits better; then its own run.
    """
    drift = params.merge_drift_frames
    for whole in settled:
        meets = whole.recording == run.recording and overlap(whole, run) > 0
        if meets and same_line(whole, run, drift):
            return whole
    return run


def _alignment_of(play: OpenPlay, params: Params) -> Alignment:
    return Alignment(
        slope=1 / play.tempo_ratio,
        offset=play.offset_ms / params.frame_ms,
        shift=play.pitch_cents * params.bins_per_octave / 1200,
    )
