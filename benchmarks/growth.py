"""Measures recall, cost and memory as the catalogue grows.

``python -m benchmarks.growth [--music DIR] [--hours 27 300 1000 6700] [--check]``. The
catalogue grows by variants of its recordings (``variants``), which are strangers to
them with the statistics of music. Their landmarks are computed from the originals
whenever a scan reads them, so memory holds the originals only; the index is on disk.
The memory of a worker is that of a process of its own, which does nothing but scan the
programme.
"""

from __future__ import annotations

import multiprocessing
import random
import re
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np

from benchmarks.conditions import Condition, Damage, conditions, cut
from benchmarks.corpus import Roles, Track, roles
from benchmarks.kinship import sounds_in
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import BUCKET, add_all, build, fingerprint
from benchmarks.speed import fingerprint_of, timed, write_programme
from benchmarks.variants import Variant, many_variants
from benchmarks.voices import voices
from recognition.fingerprints.hashes import reference_hashes
from recognition.index.places import References
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.search.match import scan
from recognition.types import Fingerprint, Landmarks, ScanResult
from recognition.warm import compile_all

_PAD = 1_000_000  # recording numbers of one variant begin at a multiple of this
_KEPT = 2_000  # landmarks of recordings that a scan may read again
_BATCH = 4  # variants in one commit
_SEARCHABLE_S = 2.0  # from the call that adds a recording
_LONGEST = DEFAULT.longest_list
_CLIP_S = 10
_SAMPLED_S = 0.01  # between two looks at the memory of a worker
_HARD = ("five voices", "pink -5", "reverb")
_SHORT_S = (3, 2)  # lengths of further clips, clean and coded
_CODED = ("MP3 64 kbit/s", "AAC 48 kbit/s", "Opus 24 kbit/s")


@dataclass(frozen=True, slots=True)
class Target:
    """What a catalogue of up to some hours is to reach."""

    hours: float
    recall: float
    short: tuple[float, float]  # recall of the lengths of ``_SHORT_S``
    hour_s: float
    unknown_ms: float
    worker_mib: float


_TARGETS = (
    Target(27, 0.985, (0.95, 0.75), 3, 30, 400),
    Target(300, 0.97, (0.93, 0.70), 4, 40, 500),
    Target(1_000, 0.95, (0.90, 0.65), 6, 60, 700),
    Target(6_700, 0.95, (0.0, 0.0), 12, 100, 2_048),
)


class Catalogue:
    """An index on disk that grows by variants of some recordings."""

    def __init__(
        self,
        index: SegmentStore,
        originals: dict[int, Landmarks],
        hours: float,
        held: Sequence[Variant] = (Variant(),),
        variants: Iterable[Variant] | None = None,
    ) -> None:
        self.index = index
        self.hours = hours
        self.adding = 0.0
        self._originals = originals
        self._held = list(held)
        every = many_variants() if variants is None else variants
        waiting = [variant for variant in every if variant != Variant()]
        random.Random(1).shuffle(waiting)  # noqa: S311 - no secret
        self._waiting = iter(waiting)
        self._each = hours

    def grow(self, hours: float) -> None:
        """Add whole variants until the catalogue is about that long; merge the index."""
        before, begun = self.hours, time.process_time()
        while self.hours + self._each / 2 < hours:
            batch: dict[int, Landmarks] = {}
            most = max(1, min(_BATCH, int((hours - self.hours) / self._each)))
            for variant in islice(self._waiting, most):
                first = _PAD * len(self._held)
                self._held.append(variant)
                for number, landmarks in self._originals.items():
                    made = variant.of(landmarks)
                    batch[first + number] = made
                    self.hours += _hours_of(made)
            if not batch:
                raise SystemExit(f"This music has variants for {self.hours:.0f} h only.")
            add_all(self.index, batch)
        self.index.maintain(BUCKET)
        if self.hours > before:
            self.adding = (time.process_time() - begun) / (self.hours - before)

    def scan(self, query: Fingerprint) -> ScanResult:
        """Scan a fingerprint against everything."""
        return scan(query, index=self.index, buckets=[BUCKET], references=self.references())

    def add_one(self, landmarks: Landmarks) -> float:
        """Add a recording for a moment; return the seconds until a search found it."""
        number = _PAD - 1
        begun = time.perf_counter()
        add_all(self.index, {number: landmarks})
        hashes = reference_hashes(landmarks)
        (best,) = self.index.query([BUCKET], *hashes, top=1, max_list=_LONGEST)
        seconds = time.perf_counter() - begun
        assert best.recording == number
        self.index.remove(BUCKET, number)
        return seconds

    def origin(self, number: int) -> tuple[Variant, int]:
        """Return of which original a recording is which variant."""
        variant, original = divmod(number, _PAD)
        return self._held[variant], original

    def references(self) -> References:
        """Return the references as the product reads them: on demand."""
        return References(self._cached_landmarks, self.index.place_tables([BUCKET]))

    @lru_cache(maxsize=_KEPT)  # noqa: B019 - one catalogue for each measurement
    def _cached_landmarks(self, number: int) -> Landmarks:
        return self._landmarks(number)

    def _landmarks(self, number: int) -> Landmarks:
        variant, original = self.origin(number)
        return variant.of(self._originals[original])

    def worker_mib(self, root: Path, programme: Fingerprint) -> float:
        """Return the most own memory of a process that scans a programme, in MiB.

        ``root`` is the folder of the index.
        """
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(
                _scan_alone, root, self._originals, self.hours, self._held, programme
            ).result()

    def peak_mib(self, programme: Fingerprint) -> float:
        """Return the most own memory of this process while it scans a programme."""
        places = self.index.place_tables([BUCKET])
        with _Peak() as peak:
            scan(
                programme,
                index=self.index,
                buckets=[BUCKET],
                references=References(self._landmarks, places),
            )
        return peak.mib


def _scan_alone(
    root: Path,
    originals: dict[int, Landmarks],
    hours: float,
    held: Sequence[Variant],
    programme: Fingerprint,
) -> float:
    index = SegmentStore(root, params_hash=DEFAULT.index_hash())
    return Catalogue(index, originals, hours, held).peak_mib(programme)


class _Peak:
    """Watches the own memory of this process for a while."""

    def __init__(self) -> None:
        self.mib = 0.0
        self._ended = threading.Event()
        self._watching = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLED_S):
            self.mib = max(self.mib, _own_mib())


def _hours_of(landmarks: Landmarks) -> float:
    last = float(landmarks.frames[-1]) if len(landmarks.frames) else 0.0
    return last * DEFAULT.hop_length / DEFAULT.sample_rate / 3600


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure recall, cost and memory by size of the catalogue.")
    made.add_argument("--hours", type=float, nargs="+", default=[27, 300, 1_000], metavar="H")
    made.add_argument("--clips", type=int, default=17, help="clips per condition")
    args = made.parse_args(argv)
    report = Report()
    compile_all()
    with workplace() as folder:
        work = Path(folder)
        tracks = music(args.music, work)
        parts = roles(tracks, args.seed, 1)
        clips = _clips(tracks, parts, args.seed, args.clips)
        write_programme(work / "programme.mp3", tracks, parts, args.seed, 1.0)
        programme = fingerprint_of(work / "programme.mp3", "scan")
        stranger = fingerprint(tracks[parts.strangers[0]].samples()).reference
        assert stranger is not None
        shelf = build(tracks, parts.references, work / "index")
        catalogue = Catalogue(shelf.index, shelf.references, shelf.hours)
        del shelf
        report.title("Growth")
        report.line(
            f"{args.clips} clips of 10 s for each of {len(conditions())} conditions "
            f"and of unknown music; {machine()}, processor time."
        )
        rows = []
        for hours in sorted(args.hours):
            catalogue.grow(hours)
            rows.append(
                _measure(report, tracks, catalogue, work / "index", clips, programme, stranger)
            )
            # A row as soon as it is there: the largest takes an hour to fill.
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
        report.table(_HEAD, rows)
    return report.end(checked=args.check)


def _short(seconds: float) -> str:
    return f"{seconds:g} s, clean and coded"


_HEAD = (
    "hours",
    "recordings",
    "index, GB",
    "adding, s of one core an hour",
    "found after adding, s",
    "recall, all conditions",
    "wrong answers",
    *_HARD,
    *map(_short, _SHORT_S),
    "unknown clip, ms: median, 95 %",
    "search, s of one core an hour",
    "worker's own memory at most, MiB",
)


@dataclass(frozen=True, slots=True)
class Query:
    """A clip of a track: its part in seconds, and whether the catalogue holds the track."""

    track: int
    start: float
    seconds: float
    is_known: bool
    fingerprint: Fingerprint


def _clips(tracks: list[Track], parts: Roles, seed: int, clips: int) -> dict[str, list[Query]]:
    rng = np.random.default_rng([seed, 6])
    damage = Damage(rng, voices(rng, 10))

    def drawn(condition: Condition, numbers: Sequence[int], seconds: float) -> list[Query]:
        made = []
        for number in map(int, rng.choice(numbers, clips)):
            y, start = cut(tracks[number].samples(), rng, seconds, condition.tempo)
            clip = fingerprint(condition.apply(y, damage))
            is_known = numbers is parts.played
            made.append(Query(number, start, seconds, is_known, clip))
        return made

    every = conditions()
    clean = every[0]
    made = {condition.name: drawn(condition, parts.played, _CLIP_S) for condition in every}
    made["unknown"] = drawn(clean, parts.strangers, _CLIP_S)
    for seconds in _SHORT_S:
        coded = [condition for condition in every if condition.name in _CODED]
        queries = [drawn(condition, parts.played, seconds) for condition in (clean, *coded)]
        made[_short(seconds)] = [query for variants in queries for query in variants]
        made[f"unknown {seconds} s"] = drawn(clean, parts.strangers, seconds)
    return made


def _is_wrong(tracks: Sequence[Track], query: Query, original: int) -> bool:
    """Return whether a track has none of the sound of a clip that it was found in."""
    frames = 1000 / DEFAULT.frame_ms
    span = query.start * frames, (query.start + query.seconds) * frames
    ours, theirs = tracks[query.track].samples(), tracks[original].samples()
    return original != query.track and not sounds_in(ours, theirs, span)


def _measure(
    report: Report,
    tracks: Sequence[Track],
    catalogue: Catalogue,
    root: Path,
    clips: dict[str, list[Query]],
    programme: Fingerprint,
    stranger: Landmarks,
) -> list[str]:
    results: dict[str, list[bool]] = {}
    unknown_ms, wrong = [], 0
    for name, queries in clips.items():
        for query in queries:
            result, seconds = timed(partial(catalogue.scan, query.fingerprint))
            # A clip at another speed may be nearer to a variant than to the original.
            named = {segment.recording % _PAD for segment in result.segments}
            wrong += any(_is_wrong(tracks, query, name) for name in named)
            if query.is_known:
                results.setdefault(name, []).append(query.track in named)
            elif query.seconds == _CLIP_S:
                unknown_ms.append(1000 * seconds)
    _, searching = timed(partial(catalogue.scan, programme))
    short = [float(np.mean(results.pop(_short(seconds)))) for seconds in _SHORT_S]
    recall = float(np.mean([outcome for outcomes in results.values() for outcome in outcomes]))
    hard = [
        np.mean([outcome for name in results if name.startswith(kind) for outcome in results[name]])
        for kind in _HARD
    ]
    median, late = np.quantile(unknown_ms, [0.5, 0.95])
    memory = catalogue.worker_mib(root, programme)
    stats = catalogue.index.stats(BUCKET)
    searchable = catalogue.add_one(stranger)
    target = next((target for target in _TARGETS if catalogue.hours <= 1.2 * target.hours), None)
    if target is not None:
        for seconds, share, least in zip(_SHORT_S, short, target.short, strict=True):
            words = f"{catalogue.hours:.0f} h, clips of {seconds} s: recall {share:.3f}"
            report.check(words, reached=share >= least)
        for words, reached in (
            (f"recall {recall:.3f}", recall >= target.recall),
            (f"search of an hour {searching:.1f} s", searching <= target.hour_s),
            (f"unknown clip {median:.0f} ms", median <= target.unknown_ms),
            (f"memory {memory:.0f} MiB", memory <= target.worker_mib),
            (f"found {searchable:.1f} s after adding", searchable <= _SEARCHABLE_S),
        ):
            report.check(f"{catalogue.hours:.0f} h: {words}", reached=reached)
    report.check(f"{catalogue.hours:.0f} h: {wrong} wrong answers", reached=not wrong)
    return [
        f"{catalogue.hours:,.0f}",
        f"{stats.recordings:,}",
        f"{stats.size_bytes / 1e9:.2f}",
        f"{catalogue.adding:.2f}",
        f"{searchable:.2f}",
        f"{recall:.3f}",
        str(wrong),
        *(f"{share:.2f}" for share in (*hard, *short)),
        f"{median:.0f}, {late:.0f}",
        f"{searching:.1f}",
        f"{memory:.0f}",
    ]


def _own_mib() -> float:
    """Return the resident memory of this process without mapped files, in MiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    match = re.search(r"^RssAnon:\s+(\d+)", status, re.MULTILINE)
    assert match is not None
    return int(match.group(1)) / 1024


if __name__ == "__main__":
    sys.exit(main())
