"""Counts false rows of strangers in large catalogues, and fits the tail of scores anew.

``python -m benchmarks.strangers [--music DIR] [--hours 300 1000] [--least 50]
[--processes 2] [--kept FILE] [--check]``. The music is halved. Each half is the
catalogue, grown by variants (``growth``), in which every track of the other half is
scanned whole: as it is, mirrored in pitch, backwards, and both. Every row is judged by
a correlation that knows nothing of landmarks (``kinship``). With ``--kept`` a run that
was interrupted goes on where it was.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from benchmarks.corpus import Track
from benchmarks.growth import Catalogue
from benchmarks.kinship import share_sound, sounds_in
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import BUCKET, add_all, fingerprint
from benchmarks.sound import RATE, Samples
from benchmarks.tail import best_by_window, fit
from benchmarks.variants import turned
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.search.match import searched
from recognition.types import Fingerprint, Landmarks, LevelMap
from recognition.verify.alignment import Alignment
from recognition.verify.calibration import threshold_bits
from recognition.verify.segments import ScoringRun, is_row
from recognition.warm import compile_all

_FRAMES = 1000 / DEFAULT.frame_ms  # per second
# Runs to judge: minimum bits, and how many of each pair of tracks
_WORTH, _MOST = 6.0, 4
_CALIBRATION = "best", 0.05  # of what windows and which share the tail is fitted
_TRACKS_KEPT = 8  # decoded tracks that a process may judge again


@dataclass(frozen=True, slots=True)
class Pose:
    """How a stranger is turned around."""

    backwards: bool = False
    mirrored: bool = False

    def __str__(self) -> str:
        words = ["backwards"] * self.backwards + ["mirrored"] * self.mirrored
        return " and ".join(words) or "as it is"

    def of(self, made: Fingerprint) -> Fingerprint:
        """Return the scan layer of the turned sound."""
        assert made.dense is not None
        assert made.level_map is not None
        levels = made.level_map.levels
        frames, bins = made.dense.frames, made.dense.bins
        heights = made.dense.levels
        phases = turned(made.dense.phases, self.backwards)
        if self.backwards:
            levels = levels[::-1]
            frames = np.int32(_n_frames(made) - 1) - frames
        if self.mirrored:
            # The whole axis of cells is turned, so that levels and landmarks agree.
            levels = levels[:, ::-1]
            bins = np.float32(levels.shape[1] * made.level_map.bins_per_cell - 1) - bins
        order = np.lexsort((bins, frames))
        order = order[(bins[order] >= 0) & (bins[order] <= DEFAULT.n_bins - 1)]
        return replace(
            made,
            reference=None,
            dense=Landmarks(frames, bins, heights, phases).select(order),
            level_map=LevelMap(
                np.ascontiguousarray(levels),
                made.level_map.frames_per_cell,
                made.level_map.bins_per_cell,
            ),
        )


POSES = [Pose(*both) for both in product((False, True), repeat=2)]


@dataclass(frozen=True, slots=True)
class Row:
    """A row that a scan reported; ``shared`` if both hold the same sound."""

    stranger: str
    pose: str
    recording: str
    variant: str
    at_s: float
    seconds: float
    bits: float
    tempo: float
    cents: float
    shared: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """What the scan of one stranger in one pose gave.

    ``best`` has the bits of each window of 10 s that no shared row covers, ``long``
    those by runs of the length of a row alone.
    """

    task: Task
    hours: float
    seconds: float
    search_s: float
    rows: list[Row]
    best: list[float]
    long: list[float]


@dataclass(frozen=True, slots=True)
class Task:
    """A catalogue, its size, and a track to be scanned in it."""

    half: int
    hours: float
    track: int
    pose: int


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a scan and its judgement need."""

    tracks: Sequence[Track]
    fingerprints: Sequence[Fingerprint]
    catalogues: Sequence[Catalogue]

    def scan(self, task: Task) -> Scan:
        """Scan a stranger and judge what was found."""
        catalogue, pose = self.catalogues[task.half], POSES[task.pose]
        begun = time.process_time()
        segments = searched(
            pose.of(self.fingerprints[task.track]),
            index=catalogue.index,
            buckets=[BUCKET],
            references=catalogue.references(),
        ).search
        rows, refused = segments.settled(), segments.refused
        spent = time.process_time() - begun
        kin = self._kin(task, [*rows, *refused])
        judged = [(run, self._is_right(task, run, kin)) for run in rows]
        strange = [run for run, shared in judged if not shared]
        strange += [run for run in refused if self._original(task, run) not in kin]
        seconds = self.tracks[task.track].seconds
        own = ~_covered([run for run, shared in judged if shared], seconds)
        long = [run for run in strange if is_row(run, DEFAULT)]
        return Scan(
            task=task,
            hours=segments.hours,
            seconds=seconds,
            search_s=round(spent, 2),
            rows=[self._row(task, run, shared=shared) for run, shared in judged],
            best=best_by_window(strange, seconds)[own].round(2).tolist(),
            long=best_by_window(long, seconds)[own].round(2).tolist(),
        )

    def _kin(self, task: Task, runs: Sequence[ScoringRun]) -> set[tuple[int, Pose]]:
        """Return which originals, in which pose, share sound with the stranger."""
        counts: Counter[tuple[int, Pose]] = Counter()
        poses: set[tuple[int, Pose]] = set()
        for run in sorted(runs, key=lambda run: -run.bits):
            original = self._original(task, run)
            if run.bits < _WORTH or original in poses or counts[original] >= _MOST:
                continue
            counts[original] += 1
            if self._shares(task, run):
                poses.add(original)
        return poses

    def _is_right(self, task: Task, run: ScoringRun, kin: set[tuple[int, Pose]]) -> bool:
        """Return whether what a row claims does sound in both tracks."""
        if self._original(task, run) in kin or self._shares(task, run):
            return True
        turned = self._turned(task, run)
        if turned is None:
            return False
        query, reference, ahead, _ = turned
        start, end = run.query_span
        return sounds_in(query, reference, (start + ahead, end + ahead))

    def _original(self, task: Task, run: ScoringRun) -> tuple[int, Pose]:
        variant, original = self.catalogues[task.half].origin(run.recording)
        return original, Pose(variant.backwards, variant.mirrored)

    def _shares(self, task: Task, run: ScoringRun) -> bool:
        """Return whether the sound of the tracks themselves agrees along a run."""
        turned = self._turned(task, run)
        if turned is None or not is_row(run, DEFAULT):
            return False
        query, reference, ahead, before = turned
        variant, _ = self.catalogues[task.half].origin(run.recording)
        slope = run.alignment.slope * variant.tempo
        alignment = Alignment(
            slope, run.alignment.offset + ahead - slope * before, run.alignment.shift
        )
        start, end = run.query_span
        return share_sound(query, reference, (start + ahead, end + ahead), alignment)

    def _turned(self, task: Task, run: ScoringRun) -> tuple[Samples, Samples, float, float] | None:
        """Return the sound of both tracks as it was scanned, and by how many frames
        turning moved each; None if only one is mirrored.

        Waveforms cannot be mirrored in pitch, but if both are mirrored they need not.
        """
        pose = POSES[task.pose]
        variant, original = self.catalogues[task.half].origin(run.recording)
        if variant.mirrored != pose.mirrored:
            return None
        query = _samples(self.tracks[task.track])
        reference = _samples(self.tracks[original])
        ahead, before = 0.0, 0.0
        if pose.backwards:
            n_frames = _n_frames(self.fingerprints[task.track])
            ahead = len(query) / RATE * _FRAMES - n_frames + 1
            query = query[::-1]
        if variant.backwards:
            landmarks = self.fingerprints[original].reference
            assert landmarks is not None
            before = len(reference) / RATE * _FRAMES - float(landmarks.frames[-1])
            reference = reference[::-1]
        return query, reference, ahead, before

    def _row(self, task: Task, run: ScoringRun, *, shared: bool) -> Row:
        variant, original = self.catalogues[task.half].origin(run.recording)
        turned = Pose(variant.backwards, variant.mirrored)
        changed = f"{turned}, tempo {variant.tempo:g}, {variant.shift:+d} bins"
        return Row(
            stranger=self.tracks[task.track].name,
            pose=str(POSES[task.pose]),
            recording=self.tracks[original].name,
            variant=changed,
            at_s=round(run.query_span[0] / _FRAMES, 1),
            seconds=round(run.length / _FRAMES, 1),
            bits=round(run.bits, 1),
            tempo=round(1 / run.alignment.slope, 3),
            cents=round(run.alignment.shift * 1200 / DEFAULT.bins_per_octave),
            shared=shared,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Count false rows of strangers in large catalogues.")
    made.add_argument("--hours", type=float, nargs="+", default=[300, 1_000], metavar="H")
    made.add_argument("--least", type=float, default=50, help="hours of strangers")
    made.add_argument("--processes", type=int, default=1)
    made.add_argument("--kept", type=Path, help="a file that keeps finished scans")
    args = made.parse_args(argv)
    report = Report()
    compile_all()
    with workplace() as folder:
        work = Path(folder)
        tracks = music(args.music, work)
        halves = np.array_split(np.random.default_rng(args.seed).permutation(len(tracks)), 2)
        _say("fingerprints")
        fingerprints = [fingerprint(track.samples()) for track in tracks]
        catalogues = [
            _catalogue(fingerprints, tracks, half.tolist(), work / f"index-{number}")
            for number, half in enumerate(halves)
        ]
        scene = Scene(tracks, fingerprints, catalogues)
        chosen = _strangers(tracks, halves, args.least)
        cache = _Kept(args.kept)
        report.title("Strangers")
        for hours in sorted(args.hours):
            for catalogue in catalogues:
                catalogue.grow(hours)
            _say(f"catalogues of {catalogues[0].hours:.0f} h")
            tasks = [
                Task(half, hours, track, pose)
                for half, track in chosen
                for pose in range(len(POSES))
            ]
            done = cache.scans(tasks, lambda some: _scans(scene, some, args.processes))
            _print(report, done, args.least)
        report.line(f"{machine()}.")
    return report.end(checked=args.check)


def _strangers(
    tracks: Sequence[Track], halves: Sequence[NDArray[np.int64]], least: float
) -> list[tuple[int, int]]:
    """Return tracks until there are enough hours, each with the half it is scanned in.

    Every eighth hour is more than is asked, in place of what shared sound takes away.
    """
    needed = 1.125 * least * 3600 / len(POSES)
    chosen, seconds = [], 0.0
    turns = zip(*(half.tolist() for half in halves), strict=False)
    for first, second in turns:
        for half, track in ((1, first), (0, second)):
            if seconds < needed:
                chosen.append((half, track))
                seconds += tracks[track].seconds
    return chosen


def _catalogue(
    fingerprints: Sequence[Fingerprint],
    tracks: Sequence[Track],
    numbers: Sequence[int],
    folder: Path,
) -> Catalogue:
    index = SegmentStore(folder, params_hash=DEFAULT.index_hash())
    originals: dict[int, Landmarks] = {}
    for number in numbers:
        landmarks = fingerprints[number].reference
        assert landmarks is not None
        originals[number] = landmarks
    add_all(index, originals)
    hours = sum(tracks[number].seconds for number in numbers) / 3600
    return Catalogue(index, originals, hours)


class _Kept:
    """Finished scans, in a file if there is one, so that a run can go on."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._done: dict[Task, Scan] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                scan = _read(json.loads(line))
                self._done[scan.task] = scan

    def scans(
        self, tasks: Sequence[Task], work: Callable[[Sequence[Task]], Iterator[Scan]]
    ) -> list[Scan]:
        """Return a scan for each task; do what was not done before."""
        begun = time.monotonic()
        waiting = [task for task in tasks if task not in self._done]
        for number, scan in enumerate(work(waiting), start=1):
            self._done[scan.task] = scan
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(scan)) + "\n")
            spent = time.monotonic() - begun
            false = sum(not row.shared for row in scan.rows)
            _say(
                f"{scan.task.hours:g} h: {number} of {len(waiting)} in {spent:.0f} s; "
                f"{len(scan.rows)} rows, {false} false; "
                f"best {max(scan.long, default=0):.1f} bits"
            )
        return [self._done[task] for task in tasks]


def _read(row: dict[str, object]) -> Scan:
    values = dict(row)
    rows, task = values.pop("rows"), values.pop("task")
    assert isinstance(rows, list)
    assert isinstance(task, dict)
    made: dict[str, object] = {"task": Task(**task), "rows": [Row(**r) for r in rows]}
    return Scan(**(values | made))  # type: ignore[arg-type]  # as it was written


_scene: list[Scene] = []  # what the forked processes work with


def _scans(scene: Scene, tasks: Sequence[Task], processes: int) -> Iterator[Scan]:
    if processes == 1 or not tasks:
        yield from map(scene.scan, tasks)
        return
    _scene[:] = [scene]
    # Forked, since the catalogue's originals would take long to send.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(_scan_here, tasks)


def _scan_here(task: Task) -> Scan:
    return _scene[0].scan(task)


def _print(report: Report, scans: Sequence[Scan], least: float) -> None:
    hours = float(np.mean([scan.hours for scan in scans]))
    nominal = np.unique([round(scan.hours) for scan in scans])
    tracks = sorted({scan.task.track for scan in scans})
    strange = sum(len(scan.best) for scan in scans) / 360
    rows = [row for scan in scans for row in scan.rows]
    false = [row for row in rows if not row.shared]
    sharing = sum(row.seconds for row in rows if row.shared) / 3600
    limit = threshold_bits(hours)
    searched = sum(scan.search_s for scan in scans)
    heard = sum(scan.seconds for scan in scans) / 3600
    report.line(
        f"{' and '.join(f'{n:,}' for n in nominal)} h of catalogue: {strange:.1f} h of "
        f"strangers, {len(tracks)} tracks in {len(POSES)} poses, another "
        f"{sharing:.1f} h of rows that share sound; {searched / heard:.1f} s of "
        f"one core to search an hour."
    )
    # No more than so many in so many hours, by the distribution of rare events.
    most = float(gammaincinv(len(false) + 1, 0.95)) / strange
    report.table(
        (
            "rows",
            "false",
            "false an hour: measured, at most (95 %)",
            "threshold, bits",
            "best wrong run",
            "as long as a row",
        ),
        [
            (
                len(rows),
                len(false),
                f"{len(false) / strange:.3f}, {most:.3f}",
                f"{limit:.1f}",
                f"{max(max(scan.best, default=0) for scan in scans):.1f}",
                f"{max(max(scan.long, default=0) for scan in scans):.1f}",
            )
        ],
    )
    _print_tail(report, scans, tracks, limit)
    _print_rows(report, rows)
    report.check(f"{hours:.0f} h: {len(false)} false rows", reached=not false)
    report.check(f"{hours:.0f} h: {strange:.1f} h of strangers", reached=strange >= least)


def _print_rows(report: Report, rows: Sequence[Row]) -> None:
    """Print the rows of each pair of tracks, the false ones first."""
    pairs: dict[tuple[bool, str, str, str, str], list[Row]] = {}
    for row in rows:
        pair = row.shared, row.stranger, row.pose, row.recording, row.variant
        pairs.setdefault(pair, []).append(row)
    if not pairs:
        return
    head = ("shared", "stranger", "pose", "recording", "variant", "rows", "s", "bits")
    table = []
    for (shared, *names), of_pair in sorted(pairs.items(), key=lambda pair: pair[0]):
        seconds = [row.seconds for row in of_pair]
        bits = [row.bits for row in of_pair]
        table.append(
            (
                "yes" if shared else "**no**",
                *(_short(name) for name in names),
                len(of_pair),
                f"{min(seconds):.0f}–{max(seconds):.0f}",
                f"{min(bits):.0f}–{max(bits):.0f}",
            )
        )
    report.table(head, table)


def _short(name: str) -> str:
    """Return first and last part of a path; other words as they are."""
    parts = Path(name).parts
    return f"{parts[0]} … {parts[-1]}" if len(parts) > 1 else name


def _print_tail(report: Report, scans: Sequence[Scan], tracks: Sequence[int], limit: float) -> None:
    table = []
    for name, share in product(("best", "long"), (0.05, 0.01)):
        windows = [
            np.concatenate([getattr(s, name) for s in scans if s.task.track == track])
            for track in tracks
        ]
        tail = fit(windows, share)
        half, low, high = tail.halving()
        needed, at_least, at_most = tail.needed(DEFAULT.max_e_value)
        rate, slowest, fastest = tail.rate(limit)
        if (name, share) == _CALIBRATION:
            report.check(
                f"threshold of {limit:.1f} bits, {needed:.1f} are needed", reached=limit >= needed
            )
        table.append(
            (
                "of any length" if name == "best" else "as long as a row",
                f"{share:.0%}",
                f"{tail.u:.2f}",
                f"{half:.2f} ({low:.2f}–{high:.2f})",
                f"{needed:.1f} ({at_least:.1f}–{at_most:.1f})",
                f"{rate:.1e} ({slowest:.0e}–{fastest:.0e})",
            )
        )
    report.table(
        (
            "runs",
            "share of windows",
            "above, bits",
            "tail halves every (95 %)",
            f"needed for {DEFAULT.max_e_value} an hour (95 %)",
            "expected false rows an hour in force (95 %)",
        ),
        table,
    )


def _n_frames(made: Fingerprint) -> int:
    assert made.level_map is not None
    return len(made.level_map.levels) * made.level_map.frames_per_cell


@lru_cache(maxsize=_TRACKS_KEPT)
def _samples(track: Track) -> Samples:
    return track.samples()


def _covered(runs: Sequence[ScoringRun], seconds: float) -> NDArray[np.bool_]:
    """Return which windows of 10 s a run touches."""
    covered = np.zeros(len(best_by_window([], seconds)), dtype=np.bool_)
    for run in runs:
        start, end = run.query_span
        covered[max(0, int(start / _FRAMES / 10)) : int(end / _FRAMES / 10) + 1] = True
    return covered


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
