"""Measures strangers' scores: false matches, and the tail that calibrates the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus import Roles, Track
from benchmarks.kinship import kin
from benchmarks.report import Report
from benchmarks.shelf import BUCKET, Shelf, fingerprint
from recognition.fingerprints.levels import silent_frames
from recognition.index.places import References
from recognition.params import DEFAULT
from recognition.search.candidates import stages
from recognition.search.cascade import Search
from recognition.types import Fingerprint, Votes
from recognition.verify.alignment import view_of
from recognition.verify.calibration import WINDOWS_PER_HOUR, threshold_bits
from recognition.verify.segments import ScoringRun, is_row

_WINDOW = 625
# Runs to examine for shared sound: minimum bits, and maximum per recording
_WORTH, _MOST = 4.0, 4
_DRAWS = 1000
_LEAST_H = 1e-3  # bits, where nothing scores


@dataclass(frozen=True, slots=True)
class Tail:
    """The share ``share`` of windows scores above ``u``, half of it ``h`` bits higher.

    ``drawn`` has the same three figures, shape [draws, 3], for tracks drawn at random.
    """

    share: float
    u: float
    h: float
    drawn: NDArray[np.float64]

    def rate(self, bits: float) -> tuple[float, float, float]:
        """Return how many windows an hour score above ``bits``, and the 95 % interval."""
        share, u, h = self._all
        halvings = (bits - u) / np.maximum(h, _LEAST_H)
        return _interval(WINDOWS_PER_HOUR * share * 2**-halvings)

    def needed(self, per_hour: float) -> tuple[float, float, float]:
        """Return the bits that so many windows an hour exceed, and the 95 % interval."""
        share, u, h = self._all
        halvings = np.log2(np.maximum(share * WINDOWS_PER_HOUR / per_hour, 1.0))
        return _interval(u + h * halvings)

    def halving(self) -> tuple[float, float, float]:
        """Return ``h`` and its 95 % interval."""
        return _interval(self._all[2])

    @property
    def _all(self) -> NDArray[np.float64]:
        return np.vstack([[self.share, self.u, self.h], self.drawn]).T


def _interval(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the first value, and between which 95 % of the others lie."""
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return float(values[0]), float(low), float(high)


def measure(report: Report, tracks: list[Track], parts: Roles, shelf: Shelf) -> dict[int, set[int]]:
    """Scan strangers and references; return the tracks that hold the same sound.

    A track that shares sound with a reference is not a stranger: its match is right.
    """
    report.title("Strangers")
    limit = threshold_bits(shelf.hours)
    twins: dict[int, set[int]] = {}
    answers: dict[int, tuple[list[ScoringRun], list[ScoringRun]]] = {}
    for number in (*parts.strangers, *parts.played):
        made = fingerprint(tracks[number].samples())
        scoring_runs, refused = search(made, shelf, without=number)
        answers[number] = scoring_runs, refused
        for partner in kin(tracks, number, _worth_asking([*scoring_runs, *refused])):
            twins.setdefault(number, set()).add(partner)
            twins.setdefault(partner, set()).add(number)
    strange = [number for number in answers if number not in twins]
    false = [(number, run) for number in strange for run in answers[number][0]]
    windows = [best_by_window([*answers[n][0], *answers[n][1]], tracks[n].seconds) for n in strange]
    hours = sum(tracks[n].seconds for n in strange) / 3600
    runs = [run for n in strange for run in (*answers[n][0], *answers[n][1])]
    longest = max((run.bits for run in runs if is_row(run, DEFAULT)), default=0.0)
    counts = (hours, len(false), len(answers) - len(strange))
    _print(report, windows, counts, shelf.hours, (limit, longest))
    _name(report, tracks, false)
    report.check(f"strangers: {len(false)} false matches", reached=not false)
    return twins


def _worth_asking(runs: list[ScoringRun]) -> list[ScoringRun]:
    """Return the best few runs of each recording."""
    counts: dict[int, int] = {}
    chosen = []
    for run in sorted(runs, key=lambda run: -run.bits):
        counts[run.recording] = counts.get(run.recording, 0) + 1
        if run.bits >= _WORTH and counts[run.recording] <= _MOST:
            chosen.append(run)
    return chosen


def search(
    query: Fingerprint, shelf: Shelf, *, without: int
) -> tuple[list[ScoringRun], list[ScoringRun]]:
    """Return found and refused runs, without those of the recording itself."""
    assert query.dense is not None
    assert query.level_map is not None
    cell = query.level_map.frames_per_cell
    load = shelf.held.landmarks_of
    place_tables = [
        replace(table, dead=(table.recordings == without).astype(np.uint8))
        for table in shelf.held.places
    ]
    n_frames = len(query.level_map.levels) * cell
    made = Search(
        view=view_of(query.dense, query.level_map, n_frames),
        references=References(load, place_tables),
        params=DEFAULT,
        hours=shelf.hours,
        closed=np.repeat(silent_frames(query.level_map), cell),
    )
    index = _Without(shelf, without)
    for stage in stages(DEFAULT, robust_first=False, hours=shelf.hours, widely=True):
        made.run_stage(stage, index, [BUCKET])
    return made.settled(), made.refused


class _Without:
    """The shelf's index without one recording."""

    def __init__(self, shelf: Shelf, recording: int) -> None:
        self._index = shelf.index
        self._recording = recording

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
        """Return the best offsets of the other recordings."""
        answers = self._index.query_windows(
            buckets, hashes, frames, windows, top=top + 16, min_votes=min_votes, max_list=max_list
        )
        return [votes[votes.recordings != self._recording][:top] for votes in answers]


def best_by_window(runs: list[ScoringRun], seconds: float) -> NDArray[np.float64]:
    """Return the best score of each 10 s, 0 without a score."""
    best = np.zeros(max(1, -(-int(seconds * 62.5) // _WINDOW)))
    for run in runs:
        at = int(sum(run.query_span) / 2) // _WINDOW
        if 0 <= at < len(best):
            best[at] = max(best[at], run.bits)
    return best


def fit(windows: Sequence[NDArray[np.float64]], share: float = 0.05) -> Tail:
    """Fit the exponential tail of the windows of each track.

    Where fewer windows than ``share`` score at all, the tail begins at 0 bits. The
    interval comes from drawing tracks at random, again and again: windows of one track
    are alike, so drawing windows would make it too narrow.
    """
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(_DRAWS):
        chosen = rng.integers(len(windows), size=len(windows))
        drawn.append(_exponential([windows[n] for n in chosen], share))
    return Tail(*_exponential(windows, share), np.array(drawn))


def _exponential(
    windows: Sequence[NDArray[np.float64]], share: float
) -> tuple[float, float, float]:
    scores = np.concatenate(windows)
    u = max(0.0, float(np.quantile(scores, 1 - share)))
    beyond = scores[scores > u] - u
    if not len(beyond):
        return 0.0, u, 0.0
    above = share if u else len(beyond) / len(scores)
    return above, u, float(np.log(2) * beyond.mean())


def _print(
    report: Report,
    windows: Sequence[NDArray[np.float64]],
    counts: tuple[float, int, int],
    catalogue_hours: float,
    bits: tuple[float, float],
) -> None:
    hours, false, left_out = counts
    limit, longest = bits
    tail = fit(windows)
    half, low, high = tail.halving()
    needed, at_least, at_most = tail.needed(DEFAULT.max_e_value)
    scores = np.concatenate(windows)
    report.line(
        f"{hours:.1f} h of unknown music, and references against all others, "
        f"{len(scores)} windows of 10 s; {left_out} tracks that contain the audio of a "
        f"reference are left out."
    )
    report.table(
        (
            "false matches",
            "threshold, bits",
            "best window",
            f"best of at least {DEFAULT.min_segment_ms / 1000:g} s",
            f"{tail.share:.0%} above",
            "tail halves every (95 %)",
            f"needed for {DEFAULT.max_e_value} per hour in {catalogue_hours:.0f} h (95 %)",
        ),
        [
            (
                false,
                f"{limit:.1f}",
                f"{scores.max():.1f}",
                f"{longest:.1f}",
                f"{tail.u:.1f}",
                f"{half:.2f} ({low:.2f}–{high:.2f})",
                f"{needed:.1f} ({at_least:.1f}–{at_most:.1f})",
            )
        ],
    )


def _name(report: Report, tracks: list[Track], false: Sequence[tuple[int, ScoringRun]]) -> None:
    if false:
        report.table(
            ("false match", "mistaken for", "bits", "s", "tempo"),
            [
                (
                    tracks[number].name,
                    tracks[run.recording].name,
                    f"{run.bits:.1f}",
                    f"{run.length * DEFAULT.frame_ms / 1000:.1f}",
                    f"{1 / run.alignment.slope:.3f}",
                )
                for number, run in false
            ],
        )
