"""Measures which repeated unknown sound is found on a synthetic radio station.

``python -m benchmarks.recurring --music DIR --hours H [--quiet-hours H] [--check]``
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import sound, stations
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import fingerprint
from benchmarks.speed import timed
from benchmarks.stations import Broadcast, Play, Title
from benchmarks.variants import variants
from benchmarks.verdict import Verdict
from benchmarks.voices import need_espeak
from recognition.audio.decode import blocks
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.recurring.back import searched_back
from recognition.recurring.items import items_of
from recognition.recurring.join import SharedSound, entry, keep, shared_runs
from recognition.recurring.sounds import Sound
from recognition.warm import compile_all

BUCKET = 0
_HOURS_A_FILE = 1.0
_CLEAN = (stations.CLEAN, stations.CODEC, stations.PART)
_LONG = 10.0  # seconds
_LONGER, _SHORTER = "clean, codec, part ≥ 10 s", "clean, codec, part < 10 s"
# The shares of plays to find.
_LEAST = {_LONGER: 0.98, stations.SPOKEN: 0.90, stations.SPEED: 0.95}
_GROWTH = 4
_PAD = 1_000_000  # padding has numbers from here on


@dataclass
class Kept:
    """Files that were joined one after the other, and what that took in seconds."""

    index: SegmentStore
    sounds: dict[int, Sound] = field(default_factory=dict)
    plays: dict[int, tuple[Play, ...]] = field(default_factory=dict)
    runs: list[SharedSound] = field(default_factory=list)
    hours: float = 0.0
    joining: float = 0.0

    def add(self, made: Broadcast) -> None:
        """Join a file."""
        number = len(self.sounds) + 1
        self.sounds[number] = Sound.of(number, fingerprint(made.samples))
        self.plays[number] = made.plays
        self.hours += made.seconds / 3600
        new, seconds = timed(partial(keep, number, load=self.load, index=self.index, bucket=BUCKET))
        self.runs += new
        self.joining += seconds

    def load(self, number: int) -> Sound:
        """Return a file by its number."""
        return self.sounds[number]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure what repeated unknown sound is found.")
    made.add_argument("--hours", type=float, default=2.0, help="hours of the station")
    made.add_argument(
        "--quiet-hours", type=float, default=8.0, help="hours in which nothing returns"
    )
    made.add_argument("--songs", type=int, help="default: two for each hour")
    made.add_argument("--jingles", type=int, help="default: two for each hour")
    made.add_argument(
        "--kept-hours",
        type=float,
        help="hours with which the last file is joined (default: four times --hours)",
    )
    args = made.parse_args(argv)
    need_espeak()
    report = Report()
    compile_all()
    with workplace() as work:
        tracks = [track.samples() for track in music(args.music, Path(work))]
        rng = np.random.default_rng([args.seed, 21])
        usual = min(round(2 * args.hours), len(tracks) // 3)
        station, once = stations.titles(
            tracks, rng, songs=args.songs or usual, jingles=args.jingles or usual
        )
        shelf = Kept(_index(Path(work) / "join"))
        decoding = 0.0
        for broadcast in stations.broadcasts(
            station, once, rng, hours=args.hours, files=_files(args.hours)
        ):
            decoding = decoding or _decoding(broadcast, Path(work))
            shelf.add(broadcast)
        report.title("Repeated unknown sound")
        report.line(
            f"{args.hours:g} h in {len(shelf.sounds)} files: {len(station)} titles, "
            f"{sum(map(len, shelf.plays.values()))} plays; {len(tracks)} tracks, seed "
            f"{args.seed}; {machine()}, processor time."
        )
        _measure(report, shelf, station, decoding)
        _growth(report, shelf, decoding, args.kept_hours)
        if args.quiet_hours:
            _quiet(report, tracks, rng, args.quiet_hours, Path(work))
    return report.end(checked=args.check)


def _index(folder: Path) -> SegmentStore:
    return SegmentStore(folder, params_hash=DEFAULT.index_hash())


def _files(hours: float) -> int:
    return max(4, round(hours / _HOURS_A_FILE))


def _decoding(made: Broadcast, work: Path) -> float:
    """Return the seconds that decoding an hour of the station takes, as MP3."""
    path = work / "hour.mp3"
    sound.write_stereo(path, made.samples, 128_000)
    _, seconds = timed(lambda: sum(len(block) for block in blocks(path)))
    path.unlink()
    return seconds * 3600 / made.seconds


def _measure(report: Report, shelf: Kept, station: Sequence[Title], decoding: float) -> None:
    joined, making = timed(lambda: items_of(shelf.runs, load=shelf.load))
    items, searching = timed(lambda: searched_back(joined, shelf.sounds, load=shelf.load))
    before, after = Verdict(joined, shelf.plays), Verdict(items, shelf.plays)
    rows = []
    for name, plays in _groups(shelf).items():
        alone = sum(before.covers(*play) for play in plays)
        count = sum(after.covers(*play) for play in plays)
        rows.append((name, f"{count} of {len(plays)}", alone))
        least = _LEAST.get(name, 0)
        report.check(f"{name}: {count} of {len(plays)}", reached=count >= least * len(plays))
    report.table(("plays", "found", "by the join alone"), rows)
    counts = Counter(after.titles)
    right = sum(after.right)
    report.line(
        f"{len(items)} items, of {len(counts.keys() - {None})} of {len(station)} titles; "
        f"{sum(n > 1 for n in counts.values())} titles split; "
        f"{len(after.right) - right} of {len(after.right)} occurrences wrong."
    )
    report.check(
        f"{right} of {len(after.right)} occurrences right", reached=right >= 0.99 * len(after.right)
    )
    _edges(report, after)
    size = shelf.index.stats(BUCKET).size_bytes / 1e6 / shelf.hours
    report.line(
        f"Index: {size:.2f} MB for each hour kept. Join: {shelf.joining / shelf.hours:.1f} s "
        f"for a new hour ({shelf.joining / shelf.hours / decoding:.2f} × decoding); items: "
        f"{making:.1f} s for all; search back: {searching / shelf.hours:.1f} s for each "
        f"hour kept, {len(joined)} items together."
    )
    report.check(f"index {size:.2f} MB for an hour", reached=size <= 2)


def _groups(shelf: Kept) -> dict[str, list[tuple[int, Play]]]:
    """Return the plays with their files, by how they should be found."""
    groups: dict[str, list[tuple[int, Play]]] = {}
    for file, plays in shelf.plays.items():
        for play in plays:
            name = play.kind
            if play.kind in _CLEAN:
                is_long = play.end - play.start >= _LONG
                name = _LONGER if is_long else _SHORTER
            groups.setdefault(name, []).append((file, play))
    return dict(sorted(groups.items()))


def _edges(report: Report, verdict: Verdict) -> None:
    errors = [
        error
        for file, plays in verdict.plays.items()
        for play in plays
        if play.kind != stations.SPOKEN
        for error in verdict.edges(file, play)
    ]
    middle, most = float(np.median(errors)), float(np.quantile(errors, 0.95))
    report.line(f"Extents of plays without speech: median error {middle:.3f} s, 95 % {most:.2f} s.")
    report.check(f"extents: 95 % {most:.2f} s", reached=most <= 0.5)


def _growth(report: Report, shelf: Kept, decoding: float, kept_hours: float | None) -> None:
    """Join the last file again while more and more hours are kept."""
    number = max(shelf.sounds)
    shelf.index.remove(BUCKET, number)
    original = dict(shelf.sounds)
    hours = shelf.hours
    spent = [_rejoined(shelf, number)]
    times = _GROWTH if kept_hours is None else math.ceil(kept_hours / hours)
    # Landmarks turned around or moved are strangers with the statistics of music.
    strangers = [*variants()][1:]
    if times > len(strangers):
        raise SystemExit(f"At most {len(strangers)} times --hours can be kept.")
    for turn, variant in enumerate(strangers[: times - 1], start=1):
        for file, recorded in original.items():
            changed = replace(
                recorded, number=_PAD * turn + file, thinned=variant.of(recorded.thinned)
            )
            shelf.sounds[changed.number] = changed
            shelf.index.add(BUCKET, changed.number, *entry(changed, ()))
    shelf.index.maintain(BUCKET)
    spent.append(_rejoined(shelf, number))
    ratio = spent[1] / spent[0]
    of_decoding = spent[1] * len(original) / hours / decoding
    report.line(
        f"The last file is joined in {spent[0]:.1f} s with {hours:.0f} h kept, and in "
        f"{spent[1]:.1f} s with {times * hours:.0f} h ({ratio:.2f} ×; {of_decoding:.2f} × "
        "decoding it)."
    )
    if kept_hours is None:
        report.check(f"{times} × kept takes {ratio:.2f} ×", reached=ratio <= 1.5)
    report.check(
        f"{times * hours:.0f} h kept: {of_decoding:.2f} × decoding", reached=of_decoding <= 2
    )


def _rejoined(shelf: Kept, number: int) -> float:
    file = shelf.sounds[number]
    _, seconds = timed(
        lambda: shared_runs(
            file, file.open_frames, load=shelf.load, index=shelf.index, bucket=BUCKET
        )
    )
    return seconds


def _quiet(
    report: Report,
    tracks: Sequence[sound.Samples],
    rng: np.random.Generator,
    hours: float,
    work: Path,
) -> None:
    """Join hours in which nothing returns; there must be no item."""
    shelf = Kept(_index(work / "quiet"))
    for broadcast in stations.broadcasts((), tracks, rng, hours=hours, files=_files(hours)):
        shelf.add(broadcast)
    items = items_of(shelf.runs, load=shelf.load)
    report.line(
        f"{hours:g} h in which nothing returns: {len(shelf.runs)} runs, {len(items)} items."
    )
    report.check(f"{len(items)} items where nothing returns", reached=not items)


if __name__ == "__main__":
    sys.exit(main())
