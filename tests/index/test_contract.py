"""The contract of every index store."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.index.interface import IndexStore
from recognition.types import IndexStats
from tests.index.conftest import OpenStore
from tests.index.sounds import best, excerpt, music

NOTHING = (np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.int32))


def test_an_excerpt_is_found_at_its_offset(store: IndexStore) -> None:
    store.add_many(1, [(number, *music(number)) for number in range(5)])

    votes = store.query([1], *excerpt(music(3), 1500, 600))

    assert (votes[0].bucket, votes[0].recording, votes[0].delta) == (1, 3, 1500)
    assert votes[0].votes == len(excerpt(music(3), 1500, 600)[0])


def test_frames_of_a_query_need_not_begin_at_zero(store: IndexStore) -> None:
    store.add(1, 3, *music(3))
    hashes, frames = excerpt(music(3), 1500, 600)

    votes = store.query([1], hashes, frames + np.int32(90_000))

    assert votes[0].delta == 1500 - 90_000


def test_neighbouring_offsets_add_up(store: IndexStore) -> None:
    hashes, frames = music(1, n=300)
    store.add(1, 1, hashes, frames)
    jitter = np.arange(len(frames), dtype=np.int32) % 3 - 1

    votes = store.query([1], hashes, frames + jitter + np.int32(1))

    assert votes[0].votes == 300
    assert votes[0].delta == -1


def test_only_the_buckets_asked_are_searched(store: IndexStore) -> None:
    store.add(1, 5, *music(5))
    store.add(2, 6, *music(6))

    assert store.query([1], *music(6)) == []
    assert {v.bucket for v in store.query([1, 2], *music(6))} == {2}
    assert store.query([3], *music(6)) == []
    assert store.query([], *music(6)) == []


def test_a_bucket_named_twice_counts_once(store: IndexStore) -> None:
    store.add(1, 5, *music(5))

    assert store.query([1, 1], *music(5)) == store.query([1], *music(5))


def test_an_empty_store_and_an_empty_query_find_nothing(store: IndexStore) -> None:
    assert store.query([1], *music(1)) == []
    store.add(1, 1, *music(1))
    assert store.query([1], *NOTHING) == []
    assert store.stats(9) == IndexStats(0, 0, 0, 0, 0)
    assert list(store.recordings(9)) == []
    assert store.verify(9) == []
    store.maintain(9)


def test_a_recording_without_postings_is_known(store: IndexStore) -> None:
    store.add(1, 7, *NOTHING)
    store.add(1, 8, *music(8))

    assert list(store.recordings(1)) == [7, 8]
    assert store.verify(1) == []
    assert best(store, music(8)) == (8, 0)


def test_adding_again_replaces(store: IndexStore) -> None:
    store.add(1, 4, *music(4))

    store.add(1, 4, *music(40))

    assert store.query([1], *music(4)) == []
    assert best(store, music(40)) == (4, 0)
    assert store.stats(1).recordings == 1


def test_within_one_batch_the_last_of_a_number_counts(store: IndexStore) -> None:
    store.add_many(1, [(4, *music(4)), (4, *music(40))])

    assert store.query([1], *music(4)) == []
    assert best(store, music(40)) == (4, 0)


def test_remove_undoes_add(store: IndexStore) -> None:
    store.add(1, 1, *music(1))
    before = store.query([1], *music(1))
    store.add(1, 2, *music(2))

    store.remove(1, 2)

    assert store.query([1], *music(2)) == []
    assert store.query([1], *music(1)) == before
    assert list(store.recordings(1)) == [1]


def test_what_was_removed_can_come_back(store: IndexStore) -> None:
    store.add(1, 1, *music(1))
    store.remove(1, 1)

    store.add(1, 1, *music(2))

    assert list(store.recordings(1)) == [1]
    assert store.query([1], *music(1)) == []
    assert best(store, music(2)) == (1, 0)


def test_a_recording_can_be_in_two_buckets(store: IndexStore) -> None:
    store.add(1, 1, *music(1))
    store.add(2, 1, *music(1))

    store.remove(1, 1)

    assert [v.bucket for v in store.query([1, 2], *music(1))[:1]] == [2]
    assert list(store.recordings(1)) == []


def test_removing_what_is_not_there_changes_nothing(store: IndexStore) -> None:
    store.add(1, 1, *music(1))
    before = store.stats(1)

    store.remove(1, 99)
    store.remove(5, 1)

    assert store.stats(1) == before


def test_maintain_frees_the_space_of_removed_recordings(store: IndexStore) -> None:
    store.add_many(1, [(n, *music(n)) for n in range(20)])
    before = store.stats(1)
    store.add_many(1, [(n, *music(n, n=100)) for n in range(8)])
    store.remove(1, 8)
    assert store.stats(1).tombstones == 9

    store.maintain(1)

    after = store.stats(1)
    assert (after.tombstones, after.recordings, after.postings) == (0, 19, 22_800)
    assert after.size_bytes < 0.7 * before.size_bytes
    assert store.verify(1) == []
    assert best(store, music(9)) == (9, 0)
    assert store.query([1], *music(8)) == []


def test_a_bucket_may_become_empty_and_be_used_again(store: IndexStore) -> None:
    store.add(1, 1, *music(1))
    store.remove(1, 1)
    store.maintain(1)

    assert store.stats(1).postings == 0
    store.add(1, 2, *music(2))
    assert best(store, music(2)) == (2, 0)


def test_windows_are_answered_as_if_each_were_asked_alone(store: IndexStore) -> None:
    store.add_many(1, [(n, *music(n, values=200)) for n in range(4)])
    store.add(1, 9, *music(9))
    hashes, frames = excerpt(music(2, values=200), 40, 90)
    windows = [(0, 30), (10, len(hashes)), (7, 7)]

    together = store.query_windows([1], hashes, frames, windows, min_votes=3)

    assert [list(votes) for votes in together] == [
        store.query([1], hashes[low:high], frames[low:high], min_votes=3) for low, high in windows
    ]
    assert together[0].recordings[0] == 2
    assert len(together[2]) == 0


def test_lists_that_are_too_common_can_be_left_out(store: IndexStore) -> None:
    hashes = np.full(1000, 5, dtype=np.uint32)
    frames = np.arange(1000, dtype=np.int32)
    store.add(1, 1, hashes, frames)
    store.add(2, 2, hashes[:60], frames[:60])

    def recordings_voted(buckets: list[int], max_list: int) -> set[int]:
        (votes,) = store.query_windows(
            buckets, hashes[:50], frames[:50], [(0, 50)], max_list=max_list
        )
        return {vote.bucket for vote in votes}

    assert recordings_voted([1], 999) == set()
    assert recordings_voted([1], 1000) == {1}
    assert recordings_voted([1, 2], 999) == {2}


def test_another_process_sees_an_add_at_once(store: IndexStore, open_store: OpenStore) -> None:
    store.add(1, 1, *music(1))
    assert store.query([1], *music(2)) == []

    open_store().add(1, 2, *music(2))

    assert best(store, music(2)) == (2, 0)


def test_wrong_arrays_are_refused(store: IndexStore) -> None:
    hashes, frames = music(1)

    with pytest.raises(TypeError):
        store.add(1, 1, hashes.astype(np.uint64), frames)
    with pytest.raises(ValueError, match="same length"):
        store.add(1, 1, hashes, frames[1:])
    with pytest.raises(ValueError, match="negative"):
        store.add(1, 1, hashes, -frames)
    with pytest.raises(ValueError, match="32-bit"):
        store.add(1, 1 << 32, hashes, frames)
