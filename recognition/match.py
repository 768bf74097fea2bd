"""The scan: which recordings sound in a file, where, from which part, how surely.

Works from a kept fingerprint alone, so a file is scanned again without its audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recognition.alignment import QueryView, view_of
from recognition.calibration import (
    catalogue_hours,
    e_value,
    score_of,
    threshold_bits,
)
from recognition.candidates import SPARSE, Lead, Stage, leads, open_windows, stages
from recognition.errors import MissingLayer, ParamsMismatch
from recognition.extend import follow
from recognition.levels import silent_frames
from recognition.params import DEFAULT, Params
from recognition.policy import AudioType, ScanPolicy
from recognition.segments import Run, settle
from recognition.stretches import unmatched_stretches
from recognition.types import (
    Fingerprint,
    LandmarkIndex,
    Landmarks,
    Progress,
    ReferenceLoader,
    ScanResult,
    SegmentMatch,
)


def scan(
    query: Fingerprint,
    *,
    index: LandmarkIndex,
    buckets: Sequence[int],
    references: ReferenceLoader,
    params: Params = DEFAULT,
    policy: ScanPolicy | None = None,
    progress: Progress | None = None,
) -> ScanResult:
    """Every play of a recording of the buckets in the query, and what is not one.

    ``query`` needs its scan layer. ``progress`` is told the share done.
    """
    search = _search(query, index, buckets, references, params, policy or ScanPolicy())
    robust = search.policy.audio_type is AudioType.RECORDED
    todo = stages(params, robust_first=robust)
    for number, stage in enumerate(todo):
        if progress is not None:
            progress(number / len(todo))
        search.run_stage(stage)
    if progress is not None:
        progress(1.0)
    return search.result()


def _search(
    query: Fingerprint,
    index: LandmarkIndex,
    buckets: Sequence[int],
    references: ReferenceLoader,
    params: Params,
    policy: ScanPolicy,
) -> _Search:
    if query.dense is None or query.level_map is None:
        raise MissingLayer("scan")
    if query.params_hash != params.shape_hash():
        raise ParamsMismatch(
            "The fingerprint", found=query.params_hash, expected=params.shape_hash()
        )
    n_frames = len(query.level_map.levels) * query.level_map.frames_per_cell
    silent = np.repeat(
        silent_frames(query.level_map, params), query.level_map.frames_per_cell
    )
    postings = sum(index.stats(bucket).postings for bucket in buckets)
    return _Search(
        query=query,
        dense=query.dense,
        view=view_of(query.dense, query.level_map, n_frames),
        index=index,
        buckets=buckets,
        references=references,
        params=params,
        policy=policy,
        hours=catalogue_hours(postings),
        silent=silent,
        scanned=policy.scanned_frames(query.duration_ms, n_frames, params),
    )


@dataclass
class _Search:
    """One scan under way."""

    query: Fingerprint
    dense: Landmarks
    view: QueryView
    index: LandmarkIndex
    buckets: Sequence[int]
    references: ReferenceLoader
    params: Params
    policy: ScanPolicy
    hours: float
    silent: NDArray[np.bool_]
    scanned: NDArray[np.bool_]
    found: list[Run] = field(default_factory=list)
    refused: list[Run] = field(default_factory=list)
    loaded: dict[int, Landmarks] = field(default_factory=dict)

    def run_stage(self, stage: Stage) -> None:
        """Look for more runs in what is not explained yet."""
        open_frames = self._open_frames()
        if not open_windows(open_frames, self.params):
            return
        for lead in leads(
            self.index,
            self.buckets,
            self.dense,
            stage=stage,
            open_frames=open_frames,
            params=self.params,
        ):
            if not self._explained(lead):
                self._verify(lead)

    def result(self) -> ScanResult:
        """Matches and what lies between them."""
        runs = settle(self.found, self.params.min_segment_ms / self.params.frame_ms)
        segments = tuple(self._match(run) for run in runs)
        return ScanResult(
            duration_ms=self.query.duration_ms,
            segments=segments,
            stretches=unmatched_stretches(
                segments,
                duration_ms=self.query.duration_ms,
                silent=self.silent,
                scanned=self.scanned,
                refused=[self._match(run) for run in self.refused],
                params=self.params,
            ),
        )

    def _open_frames(self) -> NDArray[np.bool_]:
        still_open = self.scanned & ~self.silent
        for run in self.found:
            start, end = run.query_span
            still_open[max(0, int(start)) : int(end) + 1] = False
        return still_open

    def _explained(self, lead: Lead) -> bool:
        """Whether a run already found lies on the lead's line in its window."""
        middle = sum(lead.window) / 2
        for run in self.found:
            if run.recording != lead.recording:
                continue
            start, end = run.query_span
            overlaps = start < lead.window[1] and end > lead.window[0]
            reference = run.line.reference_frame(middle)
            if overlaps and abs(lead.line.query_frame(reference) - middle) < 20:
                return True
        return False

    def _verify(self, lead: Lead) -> None:
        run = follow(
            self.view,
            lead.recording,
            self._reference(lead.recording),
            line=lead.line,
            window=lead.window,
            warped=lead.warped,
            params=self.params,
        )
        if run is None:
            return
        long_enough = run.length * self.params.frame_ms >= self.params.min_segment_ms
        if long_enough and run.bits >= threshold_bits(self.hours, self.params):
            self.found.append(run)
        elif run.bits > 0:
            self.refused.append(run)

    def _reference(self, recording: int) -> Landmarks:
        if recording not in self.loaded:
            self.loaded[recording] = self.references(recording)
        return self.loaded[recording]

    def _match(self, run: Run) -> SegmentMatch:
        ms = self.params.frame_ms
        (start, end), (r_start, r_end) = run.query_span, run.reference_span
        expected = e_value(run.bits, self.hours, self.params)
        return SegmentMatch(
            recording=run.recording,
            start_ms=max(0, round(start * ms)),
            end_ms=min(self.query.duration_ms, round(end * ms)),
            reference_start_ms=round(r_start * ms),
            reference_end_ms=round(r_end * ms),
            tempo_ratio=round(1 / run.line.slope, 4),
            pitch_cents=round(run.line.shift * 1200 / self.params.bins_per_octave, 1),
            score=score_of(expected),
            bits=round(run.bits, 2),
            e_value=expected,
            aligned=run.aligned,
            expected_by_chance=round(run.p0 * run.known, 1),
        )


__all__ = ["SPARSE", "AudioType", "ScanPolicy", "scan"]
