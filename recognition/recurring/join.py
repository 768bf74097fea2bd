"""Join a file with those that are kept, and with itself: which sound do they share?

The join index is a bucket with one entry for each kept file: one hash in four of what
was new in it. So the index grows with new sound only, and a place that returns for the
hundredth time is found once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.hashes import Hashes
from recognition.index.interface import LandmarkIndex
from recognition.params import DEFAULT, Params
from recognition.recurring.sounds import Load, Sound
from recognition.relate.single import OneRecording
from recognition.search.candidates import GRID, SPARSE, SearchStage, VoteSource, Warp, leads, speed
from recognition.search.cascade import unexplained
from recognition.types import Votes
from recognition.verify.alignment import Alignment, Lead
from recognition.verify.bends import chosen_with_drifts
from recognition.verify.extension import follow
from recognition.verify.repeats import sorted_hashes
from recognition.verify.segments import ScoringRun, joined

# What a prototype measured best on 32 h of synthetic radio; see docs/engine-notes.md,
# Repeated unknown sound.
SAMPLE: Final = 4
TOP: Final = 4
MIN_VOTES: Final = 5
WARPED_VOTES: Final = 7
LONGEST_LIST: Final = 150
SPEEDS: Final = (1.02, 0.98)
# Within ten minutes music and speech repeat themselves: without this rule three hours
# of one-offs had 124 clusters.
APART_MS: Final = 600_000
MIN_MS: Final = 4_000
MIN_BITS: Final = 30.0
# Sound is known if a run explains it this well, in bits per frame: three quarters of
# what saturation allows. Clean copies reach 0.13 to 0.15. A run under speech stays
# below, and the speech is new.
KNOWN_BITS: Final = 0.12
MARGIN_MS: Final = 1_000


@dataclass(frozen=True, slots=True, order=True)
class SharedSound:
    """Sound that a file shares with another one, or with an earlier part of itself.

    ``file`` was joined when ``other`` was already kept. Times are milliseconds;
    ``pitch_cents`` is how much higher ``file`` sounds. ``aligned`` and ``absent`` count
    landmarks of ``other`` that are found in ``file``, and that are not but should be.
    """

    file: int
    start_ms: int
    end_ms: int
    other: int
    other_start_ms: int
    other_end_ms: int
    pitch_cents: float
    bits: float
    aligned: int
    absent: int

    @property
    def length_ms(self) -> int:
        """Length in ``file``."""
        return self.end_ms - self.start_ms

    def alignment(self, params: Params = DEFAULT) -> Alignment:
        """Return the alignment that maps frames of ``other`` to frames of ``file``."""
        slope = self.length_ms / (self.other_end_ms - self.other_start_ms)
        offset = (self.start_ms - slope * self.other_start_ms) / params.frame_ms
        return Alignment(slope, offset, self.pitch_cents * params.bins_per_octave / 1200)


def keep(number: int, *, load: Load, index: LandmarkIndex, bucket: int) -> tuple[SharedSound, ...]:
    """Join a new file with all kept files and itself, and index its new sound.

    Returns the runs, in order of time. May be repeated if its result was lost, but a
    file whose sound has changed is dropped first.
    """
    index.remove(bucket, number)
    sound = load(number)
    runs = shared_runs(sound, sound.open_frames, load=load, index=index, bucket=bucket)
    index.add(bucket, number, *entry(sound, runs))
    return runs


def drop(
    number: int, runs: Iterable[SharedSound], *, load: Load, index: LandmarkIndex, bucket: int
) -> tuple[SharedSound, ...]:
    """Forget a kept file; return the runs that remain, and those found instead.

    ``runs`` are all runs of all kept files. What only this file had in the index is
    indexed in the next copy, with which the later ones are joined. ``load`` is not
    asked for the removed file.
    """
    index.remove(bucket, number)
    runs = list(runs)
    remaining = [run for run in runs if number not in (run.file, run.other)]
    bereft = sorted({run.file for run in runs if run.other == number} - {number})
    # None may find its sound in another that is still to find its own in it.
    for file in bereft:
        index.remove(bucket, file)
    for file in bereft:
        sound = load(file)
        freed = new_frames(sound, remaining) & ~new_frames(sound, runs)
        remaining += shared_runs(sound, freed, load=load, index=index, bucket=bucket)
        index.add(bucket, file, *entry(sound, remaining))
    return tuple(sorted(remaining))


def shared_runs(
    sound: Sound,
    frames: NDArray[np.bool_],
    *,
    load: Load,
    index: LandmarkIndex,
    bucket: int,
    params: Params = DEFAULT,
) -> tuple[SharedSound, ...]:
    """Return the runs that ``frames`` share with kept files and the file itself.

    The index must not hold the file.
    """
    scoring_runs: list[ScoringRun] = []

    def follow_all(proposed: Iterable[Lead]) -> None:
        # By file, so that each is loaded once for a stage.
        for lead in sorted(proposed, key=lambda lead: lead.recording):
            scoring_runs.extend(_verified(sound, lead, scoring_runs, load, params))

    for stage in _stages(params):
        still_open = frames & ~_cover_frames(scoring_runs, len(frames))
        follow_all(_leads(sound, still_open, stage, index, bucket, params))
    runs = joined(chosen_with_drifts(scoring_runs, follow_all, params), params)
    return tuple(sorted(_shared(sound, run, params) for run in runs))


def new_frames(
    sound: Sound, runs: Iterable[SharedSound], params: Params = DEFAULT
) -> NDArray[np.bool_]:
    """Return which open frames of a file no run to an earlier place explains."""
    new = sound.open_frames.copy()
    for run in runs:
        frames = run.length_ms / params.frame_ms
        if run.file != sound.number or run.bits < KNOWN_BITS * frames:
            continue
        first = int((run.start_ms + MARGIN_MS) / params.frame_ms)
        last = int((run.end_ms - MARGIN_MS) / params.frame_ms)
        new[first:last] = False
    return new


def entry(sound: Sound, runs: Iterable[SharedSound], params: Params = DEFAULT) -> Hashes:
    """Return a file's entries in the join index: hashes and frames of its new sound."""
    hashes, frames = _sampled(sorted_hashes(sound.thinned, params))
    new = new_frames(sound, runs, params)[frames]
    return hashes[new], frames[new]


def _sampled(hashes: Hashes) -> Hashes:
    mask = hashes[0] % SAMPLE == 0
    return hashes[0][mask], hashes[1][mask]


def _stages(params: Params) -> list[SearchStage]:
    speeds = [SearchStage(GRID, speed(factor, params), TOP, 1.0) for factor in SPEEDS]
    return [SearchStage(SPARSE, Warp(), TOP, 1.0), *speeds]


def _leads(
    sound: Sound,
    open_frames: NDArray[np.bool_],
    stage: SearchStage,
    index: LandmarkIndex,
    bucket: int,
    params: Params,
) -> Iterator[Lead]:
    itself = OneRecording(
        _sampled(sorted_hashes(sound.thinned, params)),
        number=sound.number,
        apart=round(APART_MS / params.frame_ms),
        tempo=stage.warp.tempo,
        longest=LONGEST_LIST,
    )
    least = MIN_VOTES if stage.name == SPARSE else WARPED_VOTES
    for source in (index, itself):
        yield from leads(
            _Sampled(source, least),
            [bucket],
            sound.thinned,
            stage=stage,
            open_frames=open_frames,
            params=params,
        )


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Asks an index about the hashes that it keeps, with ``least`` votes and more."""

    source: VoteSource
    least: int

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
        mask = hashes % SAMPLE == 0
        before = np.concatenate([[0], np.cumsum(mask)])
        return self.source.query_windows(
            buckets,
            hashes[mask],
            frames[mask],
            [(int(before[low]), int(before[high])) for low, high in windows],
            top=top,
            min_votes=max(min_votes, self.least),
            max_list=LONGEST_LIST,
        )


def _verified(
    sound: Sound, lead: Lead, earlier_runs: list[ScoringRun], load: Load, params: Params
) -> list[ScoringRun]:
    """Return the runs along a lead, grown to their true ends."""
    reference = (sound if lead.recording == sound.number else load(lead.recording)).thinned
    runs = []
    for part in unexplained(lead, earlier_runs, sound.view.n_frames, params):
        run = follow(sound.view, reference, part, params)
        if run is None or run.bits < MIN_BITS:
            continue
        if run.length * params.frame_ms >= MIN_MS:
            runs.append(run)
    return runs


def _cover_frames(runs: Iterable[ScoringRun], n_frames: int) -> NDArray[np.bool_]:
    covered = np.zeros(n_frames, dtype=np.bool_)
    for run in runs:
        start, end = run.query_span
        covered[max(0, int(start)) : int(end) + 1] = True
    return covered


def _shared(sound: Sound, run: ScoringRun, params: Params) -> SharedSound:
    (start, end), (other_start, other_end) = run.query_span, run.reference_span
    ms = params.frame_ms
    return SharedSound(
        file=sound.number,
        start_ms=round(start * ms),
        end_ms=round(end * ms),
        other=run.recording,
        other_start_ms=round(other_start * ms),
        other_end_ms=round(other_end * ms),
        pitch_cents=round(run.alignment.shift * 1200 / params.bins_per_octave, 1),
        bits=round(run.bits, 2),
        aligned=run.aligned,
        absent=run.absent,
    )
