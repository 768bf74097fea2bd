from __future__ import annotations

import fcntl
import os
import random
import select
import shutil
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recognition.errors import IndexCorrupt, ParamsMismatch
from recognition.index import manifest, segment, vote
from recognition.index import store as stores
from recognition.index.store import SegmentStore
from recognition.types import IndexStats, Vote
from tests.index.sounds import Postings, best, excerpt, music

KILL_ROUNDS = int(os.environ.get("ACRPORTAL_KILL_ROUNDS", "20"))


def open_store(root: Path) -> SegmentStore:
    return SegmentStore(root, params_hash="0123456789abcdef")


@pytest.fixture
def store(tmp_path: Path) -> SegmentStore:
    return open_store(tmp_path / "index")


def test_many_adds_leave_few_segments_and_lose_nothing(store: SegmentStore) -> None:
    for number in range(60):
        store.add(1, number, *music(number, n=200))

    assert store.stats(1).segments <= 6
    assert store.stats(1).postings == 60 * 200
    assert [best(store, music(n, n=200)) for n in range(60)] == [(n, 0) for n in range(60)]


def grown(store: SegmentStore, monkeypatch: pytest.MonkeyPatch, *, number: int) -> None:
    """Fill a bucket with segments of one recording each."""
    monkeypatch.setattr(stores, "INLINE_POSTINGS", 100)
    for recording in range(number):
        store.add(1, recording, *music(recording, n=300))
    assert store.stats(1).segments == number


def test_files_with_larger_buckets_are_read_and_merged(
    store: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "PER_BUCKET", 64)
    store.add(1, 1, *music(1))
    monkeypatch.setattr(segment, "PER_BUCKET", 4)
    store.add(1, 2, *music(2))
    assert best(store, music(1)) == (1, 0)

    store.maintain(1)

    assert store.stats(1).segments == 1
    assert store.verify(1) == []
    assert [best(store, music(n)) for n in (1, 2)] == [(1, 0), (2, 0)]


def test_segments_of_one_size_are_merged_once_there_are_eight(
    store: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(store, monkeypatch, number=stores.FAN - 1)
    assert not store.merge_due(1)
    store.add(1, 50, *music(50, n=300))

    assert store.merge_due(1)

    assert store.stats(1).segments == 1
    assert not store.merge_due(1)
    assert [best(store, music(n, n=300)) for n in (0, 6, 50)] == [(0, 0), (6, 0), (50, 0)]


def test_no_merge_makes_a_segment_larger_than_the_largest(
    store: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(store, monkeypatch, number=10)
    monkeypatch.setattr(stores, "LARGEST_POSTINGS", 1_000)

    store.maintain(1)

    # Three segments of three recordings, and one of one.
    assert store.stats(1).segments == 4
    assert store.verify(1) == []
    assert [best(store, music(n, n=300)) for n in range(10)] == [(n, 0) for n in range(10)]


def test_a_segment_is_written_again_once_a_quarter_is_removed(store: SegmentStore) -> None:
    store.add_many(1, [(n, *music(n, n=300)) for n in range(8)])
    for number in (0, 1):
        store.remove(1, number)
    assert not store.merge_due(1)
    store.remove(1, 2)

    assert store.merge_due(1)

    assert store.stats(1).tombstones == 0
    assert list(store.recordings(1)) == [3, 4, 5, 6, 7]


def test_recordings_without_postings_are_no_reason_to_merge(store: SegmentStore) -> None:
    store.add(1, 1, *music(1, n=0))

    assert not store.merge_due(1)
    assert list(store.recordings(1)) == [1]


def test_many_recordings_without_postings_are_kept_in_few_segments(store: SegmentStore) -> None:
    store.add(1, 500, *music(5, n=300))
    for number in range(60):
        store.add(1, number, *music(number, n=0))

    assert store.stats(1).segments <= 7
    assert store.verify(1) == []
    assert best(store, music(5, n=300)) == (500, 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.integers(0, 9), st.sampled_from([0, 1, 30, 200])),
            st.tuples(st.integers(0, 9), st.none()),
        ),
        max_size=30,
    ),
    fan=st.integers(2, 8),
)
def test_merges_that_are_due_come_to_an_end(
    steps: list[tuple[int, int | None]], fan: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "INLINE_POSTINGS", 50)
    monkeypatch.setattr(stores, "FAN", fan)
    shutil.rmtree(tmp_path / "index", ignore_errors=True)
    store = open_store(tmp_path / "index")
    held: dict[int, int] = {}
    for number, postings in steps:
        held.pop(number, None)
        if postings is None:
            store.remove(1, number)
        else:
            store.add(1, number, *music(number, n=postings))
            held[number] = postings

    # A merge leaves fewer segments, or one without its removed postings.
    most = 2 * store.stats(1).segments
    merges = 0
    while store.merge_due(1) and merges <= most:
        merges += 1

    assert merges <= most
    store.maintain(1)
    assert store.stats(1).segments <= 1
    assert store.stats(1).tombstones == 0
    assert store.recordings(1).tolist() == sorted(held)
    assert store.stats(1).postings == sum(held.values())
    assert store.verify(1) == []


def test_others_write_while_a_large_merge_goes_on(
    store: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(store, monkeypatch, number=8)
    whole = segment.merge_segments

    def slow(*arguments: Any) -> int:
        size = whole(*arguments)
        # In the middle of the large merge; small merges inside these adds go on.
        monkeypatch.setattr("recognition.index.store.merge_segments", whole)
        writer = open_store(store._root)
        assert not writer.merge_due(1)
        for number in range(100, 103):
            writer.add(1, number, *music(number, n=20))
        writer.remove(1, 3)
        writer.add(1, 4, *music(44, n=300))
        assert best(writer, music(101, n=20)) == (101, 0)
        assert (store._root / "bucket-1" / stores.MERGED).exists()
        return size

    monkeypatch.setattr("recognition.index.store.merge_segments", slow)

    assert store.merge_due(1)

    assert list(store.recordings(1)) == [0, 1, 2, 4, 5, 6, 7, 100, 101, 102]
    assert store.stats(1).tombstones == 2
    assert store.query([1], *music(3, n=300)) == []
    assert best(store, music(44, n=300)) == (4, 0)
    assert best(store, music(7, n=300)) == (7, 0)
    assert store.verify(1) == []


def test_all_sources_of_a_merge_may_be_removed_meanwhile(
    store: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(store, monkeypatch, number=8)
    whole = segment.merge_segments

    def slow(*arguments: Any) -> int:
        size = whole(*arguments)
        for number in range(8):
            store.remove(1, number)
        return size

    monkeypatch.setattr("recognition.index.store.merge_segments", slow)

    assert store.merge_due(1)

    assert store.stats(1) == IndexStats(0, 0, 0, 0, 0)
    assert store.verify(1) == []


def test_an_index_that_was_replaced_during_a_merge_stays_as_it_is(
    store: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(store, monkeypatch, number=8)
    root = store._root
    whole = segment.merge_segments

    def slow(*arguments: Any) -> int:
        size = whole(*arguments)
        root.rename(root.with_name("old"))
        open_store(root).add(1, 77, *music(77))
        return size

    monkeypatch.setattr("recognition.index.store.merge_segments", slow)

    store.merge_due(1)

    assert list(open_store(root).recordings(1)) == [77]
    assert open_store(root).verify(1) == []


def test_a_merge_in_many_small_ranges_is_right(
    store: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "MERGE_CHUNK", 1000)
    store.add_many(1, [(n, *music(n)) for n in range(10)])
    store.add(1, 50, *music(50, n=20))

    store.maintain(1)

    assert store.stats(1).segments == 1
    assert store.verify(1) == []
    assert [best(store, music(n)) for n in range(10)] == [(n, 0) for n in range(10)]
    assert best(store, music(50, n=20)) == (50, 0)


def brute_force(recordings: dict[int, Postings], query: Postings) -> Counter[tuple[int, int]]:
    """Count the votes of every recording and offset, without neighbours."""
    votes: Counter[tuple[int, int]] = Counter()
    for number, (hashes, frames) in recordings.items():
        for value, frame in zip(*query, strict=True):
            for place in frames[hashes == value]:
                votes[number, int(place) - int(frame)] += 1
    return votes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 1 << 20),
    values=st.sampled_from([3, 20, 200, 1 << 31]),
    batches=st.integers(1, 4),
    cells_bits=st.sampled_from([3, 6, vote.MAX_CELLS_BITS]),
)
def test_votes_are_those_of_a_plain_count(
    seed: int,
    values: int,
    batches: int,
    cells_bits: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vote, "MAX_CELLS_BITS", cells_bits)
    root = tmp_path / f"{seed}-{values}-{batches}"
    shutil.rmtree(root, ignore_errors=True)
    store = open_store(root)
    recordings = {n: music(seed + n, n=60, values=values) for n in range(2 * batches)}
    for n in range(0, 2 * batches, 2):
        store.add_many(1, [(n, *recordings[n]), (n + 1, *recordings[n + 1])])
    store.remove(1, 0)
    alive = {n: p for n, p in recordings.items() if n}
    query = excerpt(recordings[1], 40, 90)

    answer = store.query([1], *query, top=5, min_votes=2)

    votes = brute_force(alive, query)
    sums = {
        (n, d): votes[n, d - 1] + votes[n, d] + votes[n, d + 1]
        for n, at in votes
        for d in (at - 1, at, at + 1)
    }
    assert [sums[v.recording, v.delta] for v in answer] == [v.votes for v in answer]
    strong = sorted((total for total in sums.values() if total >= 2), reverse=True)
    assert [v.votes for v in answer[:1]] == strong[:1]
    near = {(v.recording, v.delta + by) for v in answer for by in range(-2, 3)}
    far_sums = [total for place, total in sums.items() if place not in near]
    if len(answer) == 5:
        assert max(far_sums, default=0) <= answer[-1].votes
    else:
        assert max(far_sums, default=0) < 2


def test_many_windows_at_once_have_the_places_of_each_alone(store: SegmentStore) -> None:
    store.add_many(1, [(n, *music(n)) for n in range(4)])
    hashes, frames = excerpt(music(2), 40, 300)
    windows = [(at % 50, at % 50 + 40) for at in range(3 * vote.WINDOWS_AT_A_STRETCH)]

    together = store.query_windows([1], hashes, frames, windows, min_votes=2)

    for (first, end), votes in zip(windows, together, strict=True):
        alone = store.query([1], hashes[first:end], frames[first:end], min_votes=2)
        assert list(votes) == alone


def test_few_places_are_the_first_of_many_and_of_too_many_only_the_weak_are_dropped(
    store: SegmentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_many(1, [(n, *music(n, values=20)) for n in range(4)])
    query = excerpt(music(2, values=20), 40, 90)

    def places(top: int) -> list[Vote]:
        return store.query([1], *query, top=top, min_votes=2)

    everything = places(1000)
    assert len(everything) > 200
    for top in (1, 3, 20, 200):
        assert places(top) == everything[:top]
    monkeypatch.setattr(vote, "MANY", 500)
    strongest = places(1000)
    assert 0 < len(strongest) < len(everything)
    assert set(strongest) <= set(everything)
    assert strongest[0] == everything[0]


def test_a_reader_survives_what_other_processes_do(store: SegmentStore) -> None:
    root = store._root
    store.add(1, 0, *music(0))

    def churn() -> None:
        writer = open_store(root)
        for number in range(1, 25):
            writer.add(1, number, *music(number, n=300))
            writer.remove(1, number - 1 if number > 1 else 99)
            if number % 5 == 0:
                writer.maintain(1)

    pid = os.fork()
    if pid == 0:
        churn()
        os._exit(0)
    rounds = 0
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        assert best(store, music(0)) == (0, 0)
        rounds += 1

    assert rounds > 3
    assert list(store.recordings(1)) == [0, 24]


def test_a_second_writer_waits_for_the_first(store: SegmentStore) -> None:
    store.add(1, 1, *music(1))
    second = threading.Thread(target=store.add, args=(1, 2, *music(2)))

    with (store._root / "bucket-1" / "LOCK").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second.start()
        second.join(0.2)
        assert second.is_alive()
        assert list(store.recordings(1)) == [1]
    second.join(60)

    assert list(store.recordings(1)) == [1, 2]


def test_an_index_of_other_parameters_is_refused_with_the_way_out(store: SegmentStore) -> None:
    store.add(1, 1, *music(1))

    with pytest.raises(ParamsMismatch, match="run make-it-anew") as caught:
        SegmentStore(store._root, params_hash="other", rebuild_command="run make-it-anew")

    assert (caught.value.actual, caught.value.expected) == ("0123456789abcdef", "other")


def test_an_index_that_is_not_there_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(IndexCorrupt, match="no index"):
        SegmentStore(tmp_path / "none", params_hash="x", create=False)

    assert not (tmp_path / "none").exists()


def test_what_a_killed_writer_left_is_swept_on_opening(store: SegmentStore) -> None:
    store.add(1, 1, *music(1))
    directory = store._root / "bucket-1"
    (directory / "segment-00000099").write_bytes(b"half")
    (directory / ".MANIFEST-x7").write_bytes(b"half")

    again = open_store(store._root)

    assert {p.name for p in directory.iterdir()} == {
        "LOCK",
        "MANIFEST",
        "MERGING",
        "segment-00000001",
    }
    assert best(again, music(1)) == (1, 0)


def answers(root: Path) -> list[tuple[int, int]] | None:
    """Return a new reader's answers; None if it reports a damaged index."""
    store = SegmentStore(root, params_hash="0123456789abcdef")
    try:
        return [best(store, music(n, n=400)) for n in range(3)]
    except IndexCorrupt:
        return None


@pytest.fixture
def small_index(tmp_path: Path) -> Path:
    root = tmp_path / "small"
    store = open_store(root)
    store.add_many(1, [(n, *music(n, n=400)) for n in range(3)])
    store.remove(1, 99)
    return root


def test_flipped_bits_give_an_error_or_the_right_answer(small_index: Path) -> None:
    path = small_index / "bucket-1" / "segment-00000001"
    whole = path.read_bytes()
    rng = random.Random(3)  # noqa: S311
    noticed = 0

    for _ in range(300):
        broken = bytearray(whole)
        broken[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        answer = answers(small_index)
        assert answer in (None, [(0, 0), (1, 0), (2, 0)])
        noticed += answer is None

    assert noticed > 50


def test_every_flipped_bit_of_the_manifest_is_noticed(small_index: Path) -> None:
    path = small_index / "bucket-1" / "MANIFEST"
    whole = path.read_bytes()

    for at in range(len(whole) - 1):
        broken = bytearray(whole)
        broken[at] ^= 1 << (at % 8)
        path.write_bytes(broken)
        with pytest.raises(IndexCorrupt):
            open_store(small_index).query([1], *music(0))


def test_a_segment_that_is_cut_off_or_missing_is_noticed(small_index: Path) -> None:
    path = small_index / "bucket-1" / "segment-00000001"
    whole = path.read_bytes()

    for length in (0, 10, 4096, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert answers(small_index) is None
    path.unlink()
    assert answers(small_index) is None


def test_verify_finds_damage_that_queries_have_not_met(small_index: Path) -> None:
    path = small_index / "bucket-1" / "segment-00000001"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    assert "damaged" in open_store(small_index).verify(1)[0]


def test_a_damaged_segment_is_not_merged_into_a_sound_one(small_index: Path) -> None:
    store = open_store(small_index)
    store.add(1, 50, *music(50, n=20))
    path = small_index / "bucket-1" / "segment-00000001"
    data = bytearray(path.read_bytes())
    data[3 * 4096 + 50] ^= 1
    path.write_bytes(data)

    with pytest.raises(IndexCorrupt):
        open_store(small_index).maintain(1)


def test_small_files_survive_only_whole(tmp_path: Path) -> None:
    path = tmp_path / "x"
    manifest.write_checked(path, {"format": 1, "a": [1, 2]})

    assert manifest.read_checked(path) == {"format": 1, "a": [1, 2]}
    assert manifest.read_checked(tmp_path / "none") is None


def acknowledge(pipe: int, word: str, number: int) -> None:
    os.write(pipe, f"{word} {number}\n".encode())


def write_until_killed(root: Path, pipe: int, first: int) -> None:
    """Add, replace, remove and compact, and report each finished operation."""
    store = open_store(root)
    number = first
    while True:
        store.add(1, number, *music(number, n=300))
        acknowledge(pipe, "added", number)
        if number % 3 == 0:
            acknowledge(pipe, "removing", number - 1)
            store.remove(1, number - 1)
            acknowledge(pipe, "removed", number - 1)
        if number % 7 == 0:
            store.maintain(1)
        number += 1


def test_kill_minus_nine_loses_nothing_acknowledged(tmp_path: Path) -> None:
    root = tmp_path / "index"
    open_store(root).add(1, 0, *music(0, n=300))
    rng = random.Random(11)  # noqa: S311
    present: set[int] = {0}
    gone: set[int] = set()
    unsure: set[int] = set()

    for round_number in range(KILL_ROUNDS):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            write_until_killed(root, writing, 1 + 1000 * round_number)
        os.close(writing)
        log = os.read(reading, 1 << 16)
        select.select([], [], [], rng.uniform(0, 0.05))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with os.fdopen(reading, "rb") as pipe:
            log += pipe.read()
        for line in log.decode().splitlines():
            word, digits = line.split()
            lists = {"added": present, "removing": unsure, "removed": gone}
            lists[word].add(int(digits))
        store = open_store(root)
        stored = {int(here) for here in store.recordings(1)}
        assert stored >= present - unsure - gone
        assert not stored & gone
        assert store.verify(1) == []
        named = {e.file for e in manifest.read_manifest(root / "bucket-1").entries}
        files = {path.name for path in (root / "bucket-1").iterdir()}
        assert files == named | {"LOCK", "MANIFEST", "MERGING"}

    store = open_store(root)
    assert len(present) > KILL_ROUNDS
    for number in sorted(present - unsure - gone)[-20:]:
        assert best(store, music(number, n=300)) == (number, 0)
