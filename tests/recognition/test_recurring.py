"""Unknown sound that repeats: what becomes an item, and what never does."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import stations
from benchmarks.sound import drifting
from benchmarks.stations import Play
from benchmarks.verdict import Verdict
from recognition.__main__ import main
from recognition.errors import MissingLayer
from recognition.fingerprints import file_format as fingerprint
from recognition.recurring.back import searched_back
from recognition.recurring.clipping import clipped
from recognition.recurring.items import FoundOccurrence, Item, explained_once, items_of
from recognition.recurring.join import SharedSound, drop, keep
from recognition.recurring.renewal import renewed
from recognition.recurring.sounds import Sound
from recognition.types import Fingerprint
from tests.recognition.memory_index import MemoryIndex
from tests.recognition.synthesis import (
    RATE,
    Samples,
    faster,
    fingerprint_of,
    join,
    machine,
    music,
    noise,
    silence,
    tones,
)
from tests.recognition.two_hours import two_hours

SONG = music(1, 30)
JINGLE = music(2, 8)
BUCKET = 5


@dataclass
class JoinedFiles:
    """Files that were joined one after the other."""

    index: MemoryIndex = field(default_factory=MemoryIndex)
    sounds: dict[int, Sound] = field(default_factory=dict)
    runs: list[SharedSound] = field(default_factory=list)

    def load(self, number: int) -> Sound:
        return self.sounds[number]

    def add(self, number: int, y: Samples | Fingerprint) -> tuple[SharedSound, ...]:
        made = y if isinstance(y, Fingerprint) else fingerprint_of(y)
        self.sounds[number] = Sound.of(number, made)
        new = keep(number, load=self.load, index=self.index, bucket=BUCKET)
        self.runs += new
        return new

    def remove(self, number: int) -> None:
        del self.sounds[number]
        self.runs = list(drop(number, self.runs, load=self.load, index=self.index, bucket=BUCKET))

    def copy(self) -> JoinedFiles:
        """Return the same files joined, for others to follow."""
        made = JoinedFiles(MemoryIndex(), dict(self.sounds), list(self.runs))
        made.index._postings.update(self.index._postings)
        return made

    def items(self) -> tuple[Item, ...]:
        return items_of(self.runs, load=self.load)


def join_files(*files: Samples | Fingerprint) -> JoinedFiles:
    made = JoinedFiles()
    for number, y in enumerate(files, 1):
        made.add(number, y)
    return made


def once(seed: int, seconds: float = 12) -> Samples:
    """Return music that sounds nowhere else."""
    return music(1000 + seed, seconds)


def places(item: Item) -> list[tuple[int, float, float]]:
    """Return file, start and end of each occurrence, rounded to tenths of a second."""
    return [
        (occurrence.file, round(occurrence.start_ms / 1000, 1), round(occurrence.end_ms / 1000, 1))
        for occurrence in item.occurrences
    ]


def close(intervals: list[tuple[int, float, float]], *truth: tuple[int, float, float]) -> bool:
    """Return whether intervals agree with the truth within 0.3 s."""
    return len(intervals) == len(truth) and all(
        abs(a - b) <= 0.3
        for interval, true in zip(intervals, truth, strict=True)
        for a, b in zip(interval, true, strict=True)
    )


@pytest.fixture(scope="module")
def two() -> JoinedFiles:
    """Return two files that share a song."""
    return join_files(join(once(1), SONG, once(2)), join(once(3, 20), SONG, once(4)))


def test_a_song_in_two_files_is_one_item_with_its_extent(two: JoinedFiles) -> None:
    (item,) = two.items()

    assert close(places(item), (1, 12, 42), (2, 20, 50))
    assert item.length_ms == pytest.approx(30_000, abs=300)
    assert item.best in item.occurrences
    for occurrence in item.occurrences:
        assert occurrence.item_start_ms == pytest.approx(0, abs=200)
        assert occurrence.item_end_ms == pytest.approx(item.length_ms, abs=200)
        assert occurrence.tempo_ratio == pytest.approx(1, abs=0.001)
        assert occurrence.pitch_cents == pytest.approx(0, abs=3)
        assert occurrence.score == 100


def test_a_part_and_a_copy_at_another_speed_say_what_they_are(two: JoinedFiles) -> None:
    made = two.copy()
    made.add(3, join(once(5), SONG[10 * RATE : 22 * RATE], once(6)))
    made.add(4, join(once(7), faster(SONG, 1.02), once(8)))

    (item,) = made.items()

    *whole, part, fast = item.occurrences
    assert len(whole) == 2
    assert item.best in whole
    assert close(places(item)[2:3], (3, 12, 24))
    assert part.item_start_ms == pytest.approx(10_000, abs=300)
    assert part.item_end_ms == pytest.approx(22_000, abs=300)
    assert fast.tempo_ratio == pytest.approx(1.02, abs=0.002)
    assert fast.pitch_cents == pytest.approx(34.3, abs=3)


def test_a_copy_whose_speed_drifts_is_one_occurrence() -> None:
    song = music(1, 60)
    tape = drifting(song, 1.0, 1.05, len(song))

    (item,) = join_files(
        join(once(1), song, once(2)), join(once(3, 20), song, once(4)), join(once(5), tape, once(6))
    ).items()

    assert close(places(item), (1, 12, 72), (2, 20, 80), (3, 12, 70.5))
    assert item.occurrences[2].tempo_ratio == pytest.approx(1.025, abs=0.002)
    assert item.occurrences[2].pitch_cents == pytest.approx(42, abs=5)


def test_a_jingle_before_a_song_is_an_item_of_its_own() -> None:
    made = join_files(
        join(once(1), JINGLE, SONG, once(2)),
        join(once(3), JINGLE, SONG, once(4)),
        join(once(5), JINGLE, once(6), SONG),
        join(once(7, 5), JINGLE, once(8)),
        join(once(9), SONG, once(10, 5), JINGLE),
    )

    song, jingle = made.items()

    assert close(places(song), (1, 20, 50), (2, 20, 50), (3, 32, 62), (5, 12, 42))
    assert close(places(jingle), *((1, 12, 20), (2, 12, 20), (3, 12, 20), (4, 5, 13), (5, 47, 55)))


def test_what_sounds_once_and_what_has_no_tune_gives_nothing() -> None:
    made = join_files(
        join(once(1, 30), tones(1, 20), silence(20), machine(1, 20), noise(1, 9, 0.1)),
        join(silence(20), once(2, 30), machine(2, 20), tones(2, 20), noise(2, 9, 0.1)),
        silence(30),
    )

    assert made.runs == []
    assert made.items() == ()


@pytest.mark.slow
def test_what_recurs_within_ten_minutes_is_no_item_and_later_is() -> None:
    early = join(once(1, 20), JINGLE, once(2, 300), JINGLE, once(3, 340))
    late = join(once(1, 20), JINGLE, once(2, 640), JINGLE, once(3, 20))

    assert join_files(early).items() == ()
    (item,) = join_files(late).items()
    assert close(places(item), (1, 20, 28), (1, 668, 676))


def test_the_order_of_files_does_not_matter() -> None:
    files = {
        1: fingerprint_of(join(once(1), SONG, once(2), JINGLE)),
        2: fingerprint_of(join(JINGLE, once(3), SONG[: 20 * RATE])),
        3: fingerprint_of(join(once(4), SONG[5 * RATE :], once(5), JINGLE, once(6))),
    }

    results = []
    for order in ((1, 2, 3), (3, 2, 1), (2, 3, 1)):
        made = JoinedFiles()
        for number in order:
            made.add(number, files[number])
        results.append([places(item) for item in made.items()])

    for result in results[1:]:
        assert len(result) == len(results[0]) == 2
        for a, b in zip(results[0], result, strict=True):
            assert close(a, *b)


def test_the_same_files_give_the_same_items(two: JoinedFiles) -> None:
    again = join_files(*(sound.fingerprint for sound in two.sounds.values()))

    assert again.runs == two.runs
    assert again.items() == two.items()


def test_only_what_is_new_is_indexed(two: JoinedFiles) -> None:
    first, second = (two.index._postings[BUCKET, number][1] for number in (1, 2))
    song = [(frames >= 1400) & (frames <= 2600) for frames in (first, second)]

    assert song[0].sum() > 100
    assert song[1].sum() == 0


def test_after_a_file_is_removed_the_next_copy_takes_its_place(two: JoinedFiles) -> None:
    made = two.copy()
    made.add(3, join(SONG[8 * RATE : 22 * RATE], once(5)))
    assert {(run.file, run.other) for run in made.runs} == {(2, 1), (3, 1)}

    made.remove(1)

    assert {(run.file, run.other) for run in made.runs} == {(3, 2)}
    (item,) = made.items()
    assert close(places(item), (2, 28, 42), (3, 0, 14))
    made.add(4, join(once(6), SONG))
    assert len(made.items()[0].occurrences) == 3


def test_a_file_that_returns_restores_what_it_gave(two: JoinedFiles) -> None:
    made = two.copy()
    before = made.items()

    made.remove(1)
    assert made.items() == ()
    made.add(1, two.sounds[1].fingerprint)

    (item,) = made.items()
    assert close(places(item), *places(before[0]))


def test_only_unmatched_sound_is_joined(two: JoinedFiles) -> None:
    made = JoinedFiles()
    for number, sound in two.sounds.items():
        made.sounds[number] = Sound.of(
            number, sound.fingerprint, [(0, 30_000 + 8_000 * (number - 1))]
        )
        made.runs += keep(number, load=made.load, index=made.index, bucket=BUCKET)

    (item,) = made.items()

    assert close(places(item), (1, 12, 30), (2, 20, 38))


def test_after_a_new_file_only_its_items_are_made_again() -> None:
    made = join_files(
        join(once(1), SONG, once(2)), join(once(3), SONG, once(4), JINGLE, once(9), JINGLE)
    )
    before = made.items()
    new = made.add(3, join(once(5), JINGLE, once(6)))

    fresh = items_of(made.runs, load=made.load, around=new)
    now = renewed(before, fresh)

    assert [{occurrence.file for occurrence in item.occurrences} for item in fresh] == [{2, 3}]
    assert [place for _, place in now] == [0, None]
    assert now[0][0] == before[0]


@pytest.fixture(scope="module")
def three(two: JoinedFiles) -> JoinedFiles:
    """Return them and a file in which the song sounds twice."""
    made = two.copy()
    made.add(3, join(once(5), SONG, once(6), SONG, once(7)))
    return made


def test_an_item_made_again_keeps_its_place_and_what_was_found_late(three: JoinedFiles) -> None:
    made = three.copy()
    before = searched_back(made.items(), made.sounds, load=made.load)
    new = made.add(4, join(once(8), faster(SONG, 0.98)))

    (fresh,) = items_of(made.runs, load=made.load, around=new)
    late = next(occurrence for occurrence in fresh.occurrences if occurrence.file == 3)
    seen = tuple(occurrence for occurrence in fresh.occurrences if occurrence != late)
    ((item, place),) = renewed(before, [replace(fresh, occurrences=seen)])

    assert place == 0
    assert [occurrence.file for occurrence in item.occurrences] == [1, 2, 3, 3, 4]
    for occurrence in item.occurrences:
        assert occurrence.item_start_ms == pytest.approx(0, abs=300)
        assert occurrence.item_end_ms == pytest.approx(item.length_ms, abs=300)


def test_without_a_file_an_item_keeps_the_rest_or_ends(two: JoinedFiles) -> None:
    (item,) = two.items()
    third = replace(item.occurrences[0], file=3, item_end_ms=20_000)
    whole = replace(item, occurrences=(*item.occurrences, third))

    remainder = whole.without(item.best.file)

    assert remainder is not None
    assert item.best.file not in {occurrence.file for occurrence in remainder.occurrences}
    assert remainder.best.file in {1, 2}
    assert whole.without(9) == whole
    assert item.without(1) is None


def test_searching_back_finds_what_the_join_does_not_ask_about(three: JoinedFiles) -> None:
    (item,) = searched_back(three.items(), three.sounds, load=three.load)

    assert len(item.occurrences) == 4
    assert close(places(item)[2:], (3, 12, 42), (3, 54, 84))
    assert searched_back((), three.sounds, load=three.load) == ()


@given(
    st.lists(
        st.tuples(st.integers(1, 2), st.integers(0, 12), st.integers(5, 30)), min_size=1, max_size=8
    ),
    st.integers(0, 20),
)
def test_an_item_is_nowhere_twice(heard: list[tuple[int, int, int]], cut: int) -> None:
    """A search finds more of what was known, and a new match cuts the beginnings off."""
    every = [
        FoundOccurrence(file, start, start + length, 0, length, 1.0, 0.0, 50.0, 90.0)
        for file, start, length in (
            (file, 1000 * start, 1000 * length) for file, start, length in heard
        )
    ]
    item = Item(30_000, every[0], tuple(every))

    items = explained_once([item])
    spans = [(1000 * cut, 60_000)]
    for result in [*items, *clipped([item], lambda _: spans), *clipped(items, lambda _: None)]:
        assert result.best in result.occurrences
        began = [(occurrence.file, occurrence.start_ms) for occurrence in result.occurrences]
        assert began == sorted(set(began))


def test_an_item_that_sounds_in_a_longer_one_is_merged_into_it() -> None:
    made = join_files(
        join(once(1), SONG, once(2)),
        join(once(3), SONG, once(4)),
        join(once(5), SONG[5 * RATE : 15 * RATE], once(6)),
        join(once(7), SONG[5 * RATE : 15 * RATE], once(8)),
    )
    apart = [item for files in ((1, 2), (3, 4)) for item in _joined_alone(made, files)]
    assert len(apart) == 2

    (item,) = searched_back(apart, made.sounds, load=made.load)

    assert close(places(item), (1, 12, 42), (2, 12, 42), (3, 12, 22), (4, 12, 22))
    assert item.occurrences[2].item_start_ms == pytest.approx(5_000, abs=300)


def _joined_alone(made: JoinedFiles, files: tuple[int, ...]) -> tuple[Item, ...]:
    alone = JoinedFiles()
    for number in files:
        alone.add(number, made.sounds[number].fingerprint)
    return alone.items()


def test_a_file_without_the_scan_layer_is_refused() -> None:
    whole = fingerprint_of(JINGLE)
    bare = Fingerprint(whole.duration_ms, whole.params_hash, whole.reference)

    with pytest.raises(MissingLayer):
        Sound.of(1, bare)


def test_best_copies_are_complete(two: JoinedFiles) -> None:
    (item,) = two.items()

    landmarks = item.landmarks(two.load)

    assert landmarks.frames[0] >= 0
    assert landmarks.frames[-1] * 16 <= item.length_ms + 100
    assert item.weight == 2 * item.length_ms


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def files(two: JoinedFiles, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("recurring")
    paths = [folder / f"{number}.acrfp" for number in two.sounds]
    for path, sound in zip(paths, two.sounds.values(), strict=True):
        fingerprint.save(path, sound.fingerprint)
    return paths


def test_the_command_prints_an_object_for_each_item_and_each_unreadable_file(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.wav"

    assert run("recurring", files[0], missing, files[1], "--json") == 1

    out, err = capsys.readouterr()
    error, item = (json.loads(line) for line in out.splitlines())
    assert error["path"] == str(missing)
    assert error["error"]["code"] == "unreadable"
    assert str(missing) in err
    assert set(item) == {"id", "length_s", "occurrences"}
    assert item["id"] == 1
    assert item["length_s"] == pytest.approx(30, abs=0.3)
    assert [occurrence["path"] for occurrence in item["occurrences"]] == [str(p) for p in files]
    assert item["occurrences"][0].keys() == {*("path", "start_s", "end_s", "tempo_ratio", "score")}
    assert item["occurrences"][1]["start_s"] == pytest.approx(20, abs=0.3)


def test_the_command_prints_a_table_for_people_or_that_nothing_returns(
    files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("recurring", *files) == 0

    head, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("1: 0:")
    assert head.endswith(", 2 occurrences")
    assert str(files[0]) in first
    assert str(files[1]) in second
    assert sum("*" in line for line in (first, second)) == 1
    assert run("recurring", files[0]) == 0
    assert capsys.readouterr().out == "no unknown sound repeats\n"


def test_the_command_leaves_out_what_an_index_knows(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fingerprint.save(tmp_path / "song.acrfp", fingerprint_of(SONG))
    assert run("add", "--index", tmp_path / "ix", tmp_path / "song.acrfp") == 0
    capsys.readouterr()

    assert run("recurring", *files, "--index", tmp_path / "ix", "--json") == 0

    assert capsys.readouterr().out == ""


@dataclass(frozen=True)
class Station:
    """Two hours of a station in four files, and what plays in them."""

    files: dict[int, Fingerprint]
    plays: dict[int, tuple[Play, ...]]

    def join_files(self, order: tuple[int, ...]) -> JoinedFiles:
        made = JoinedFiles()
        for number in order:
            made.add(number, self.files[number])
        return made

    def verdict(self, made: JoinedFiles) -> Verdict:
        """Search the files back for the items and judge all occurrences."""
        items = searched_back(made.items(), sorted(made.sounds), load=made.load)
        return Verdict(items, self.plays)

    def recall(self, verdict: Verdict, *kinds: str) -> list[bool]:
        """Return for each play of 10 s and more of some kinds whether it is found."""
        return [
            verdict.covers(file, play)
            for file, plays in self.plays.items()
            for play in plays
            if play.kind in kinds and play.end - play.start >= 10
        ]


@pytest.fixture(scope="module")
def station() -> Station:
    heard = dict(enumerate(two_hours(), 1))
    return Station(
        files={number: made for number, (made, _) in heard.items()},
        plays={number: plays for number, (_, plays) in heard.items()},
    )


def _accept(station: Station, verdict: Verdict) -> None:
    clean = station.recall(verdict, stations.CLEAN, stations.CODEC, stations.PART)
    edges = [
        error
        for file, plays in station.plays.items()
        for play in plays
        if play.kind != stations.SPOKEN
        for error in verdict.edges(file, play)
    ]

    assert sorted(verdict.titles, key=str) == list(range(8))
    assert np.mean(clean) >= 0.98
    assert np.mean(station.recall(verdict, stations.SPEED)) >= 0.95
    assert np.mean(verdict.right) >= 0.99
    assert np.median(edges) <= 0.1


@pytest.mark.soak
@pytest.mark.parametrize("order", [(1, 2, 3, 4), (4, 2, 1, 3)])
def test_each_title_of_a_station_is_one_item_and_nothing_else_is(
    station: Station, order: tuple[int, ...]
) -> None:
    _accept(station, station.verdict(station.join_files(order)))


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng speaks here")
def test_most_plays_under_speech_are_found(station: Station) -> None:
    verdict = station.verdict(station.join_files((1, 2, 3, 4)))

    assert np.mean(station.recall(verdict, stations.SPOKEN)) >= 0.75
