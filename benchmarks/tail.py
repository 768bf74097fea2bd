"""What strangers score: false matches, and the tail that calibrates the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus import Roles, Track
from benchmarks.report import Report
from benchmarks.shelf import BUCKET, Shelf, fingerprint
from recognition.alignment import view_of
from recognition.calibration import WINDOWS_PER_HOUR, threshold_bits
from recognition.candidates import stages
from recognition.levels import silent_frames
from recognition.params import DEFAULT
from recognition.search import Search
from recognition.segments import Run
from recognition.types import Fingerprint, Vote

# Strangers that share audio with a reference are no strangers: another mix, a medley.
# Beyond this many times the threshold it is taken for the same sound.
SHARED = 3.0
_WINDOW = 625


@dataclass(frozen=True, slots=True)
class Tail:
    """The share ``share`` of windows scores above ``u``, half of it ``h`` bits on."""

    share: float
    u: float
    h: float
    low: float
    high: float


def measure(
    report: Report, tracks: list[Track], parts: Roles, shelf: Shelf
) -> dict[int, set[int]]:
    """Scan strangers and references; returns which references share audio."""
    report.title("Strangers")
    limit = threshold_bits(shelf.hours)
    twins: dict[int, set[int]] = {}
    windows: list[NDArray[np.float64]] = []
    hours, false, kin = 0.0, [], 0
    for number in (*parts.strangers, *parts.played):
        made = fingerprint(tracks[number].samples())
        found, refused = search(made, shelf, without=number)
        shared = {r.recording for r in found if r.bits > SHARED * limit}
        for other in shared:
            twins.setdefault(number, set()).add(other)
            twins.setdefault(other, set()).add(number)
        kin += bool(shared)
        hours += tracks[number].seconds / 3600
        false += [r for r in found if r.recording not in shared]
        kept = [r for r in (*found, *refused) if r.recording not in shared]
        windows.append(best_by_window(kept, tracks[number].seconds))
    scores = np.concatenate(windows)
    _print(report, scores, (hours, len(false), kin), shelf.hours, limit)
    report.check(f"strangers: {len(false)} false matches", reached=not false)
    return twins


def search(
    query: Fingerprint, shelf: Shelf, *, without: int
) -> tuple[list[Run], list[Run]]:
    """Runs found and refused, those of the recording itself left out."""
    assert query.dense is not None
    assert query.level_map is not None
    cell = query.level_map.frames_per_cell
    n_frames = len(query.level_map.levels) * cell
    made = Search(
        view=view_of(query.dense, query.level_map, n_frames),
        references=shelf.references.__getitem__,
        params=DEFAULT,
        hours=shelf.hours,
        closed=np.repeat(silent_frames(query.level_map), cell),
    )
    index = _Without(shelf, without)
    for stage in stages(DEFAULT, robust_first=False, hours=shelf.hours):
        made.run_stage(stage, index, [BUCKET])
    return made.settled(), made.refused


class _Without:
    """The shelf's index as if one recording were not in it."""

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
    ) -> list[list[Vote]]:
        """The best offsets of the others."""
        answers = self._index.query_windows(
            buckets,
            hashes,
            frames,
            windows,
            top=top + 16,
            min_votes=min_votes,
            max_list=max_list,
        )
        return [
            [vote for vote in votes if vote.recording != self._recording][:top]
            for votes in answers
        ]


def best_by_window(runs: list[Run], seconds: float) -> NDArray[np.float64]:
    """The best score of each 10 s, 0 where nothing scored."""
    best = np.zeros(max(1, int(seconds * 62.5) // _WINDOW))
    for run in runs:
        at = int(sum(run.query_span) / 2) // _WINDOW
        if 0 <= at < len(best):
            best[at] = max(best[at], run.bits)
    return best


def fit(scores: NDArray[np.float64], share: float = 0.05) -> Tail:
    """Fit the exponential tail; ``low`` and ``high`` are the 95 % interval of h."""
    u = float(np.quantile(scores, 1 - share))
    beyond = scores[scores > u] - u
    rng = np.random.default_rng(0)
    means = [rng.choice(beyond, len(beyond)).mean() for _ in range(1000)]
    half = np.log(2) * np.array([beyond.mean(), *np.quantile(means, [0.025, 0.975])])
    return Tail(share, u, *(float(value) for value in half))


def _print(
    report: Report,
    scores: NDArray[np.float64],
    counts: tuple[float, int, int],
    catalogue_hours: float,
    limit: float,
) -> None:
    hours, false, kin = counts
    found = fit(scores)
    trials = found.share * WINDOWS_PER_HOUR / DEFAULT.max_e_value
    needed = [found.u + h * np.log2(trials) for h in (found.low, found.h, found.high)]
    report.line(
        f"{hours:.1f} h of strangers, and of references against all others, "
        f"{len(scores)} windows of 10 s; {kin} tracks share audio with a reference "
        f"and are left out of the tail."
    )
    report.table(
        (
            "false matches",
            "threshold, bits",
            "best window",
            f"{found.share:.0%} above",
            "halves every (95 %)",
            f"needed for {DEFAULT.max_e_value} an hour in {catalogue_hours:.0f} h (95 %)",
        ),
        [
            (
                false,
                f"{limit:.1f}",
                f"{scores.max():.1f}",
                f"{found.u:.1f}",
                f"{found.h:.2f} ({found.low:.2f}–{found.high:.2f})",
                f"{needed[1]:.1f} ({needed[0]:.1f}–{needed[2]:.1f})",
            )
        ],
    )
