"""Scans of several partitions find exactly what a scan of one index finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recognition.errors import ParamsMismatch
from recognition.index.places import References
from recognition.params import DEFAULT, Params
from recognition.partitioned.answering import answer
from recognition.partitioned.questions import (
    BadAnswer,
    Question,
    answer_from_bytes,
    answer_to_bytes,
)
from recognition.partitioned.scanning import PartitionedScan
from recognition.partitioned.union import PartitionedIndex, partition_of
from recognition.search.match import scan
from recognition.search.policy import CaptureType, ScanPolicy
from recognition.types import Fingerprint, Landmarks
from tests.recognition.partitions import BUCKET, split
from tests.recognition.synthesis import (
    RATE,
    Samples,
    faster,
    fingerprint_of,
    join,
    landmarks_of,
    music,
    noise,
    silence,
)

_SOUNDS = [music(seed, 30) for seed in range(11, 20)]
# A cascade of large catalogues, and one whose limits are reached.
_LARGE = replace(DEFAULT, sweep_hours=0.5, long_hours=0.5)
_TIGHT = replace(_LARGE, glance_offsets=40, dense_top=2, glance_least=4.0)
_RECORDED = ScanPolicy(CaptureType.RECORDED, widely=False)


def _cut(recording: int, start: float, end: float) -> Samples:
    return _SOUNDS[recording - 1][int(start * RATE) : int(end * RATE)]


def _in_noise(y: Samples) -> Samples:
    return y + noise(5, len(y) / RATE, 0.12)[: len(y)]


def _programmes() -> dict[str, Samples]:
    return {
        "several plays": join(
            music(99, 12),
            _cut(2, 5, 20),
            _cut(3, 0, 14),
            silence(3),
            _cut(5, 2, 25) + noise(1, 23, 0.02),
            music(98, 8),
            faster(_cut(7, 1, 22), 1.03),
            _cut(1, 8, 20),
        ),
        "edited": join(
            faster(_cut(7, 1, 22), 1.25), _in_noise(faster(_cut(8, 4, 18), 1.25)), music(94, 14)
        ),
        "unknown": music(77, 25),
        "in noise": _cut(4, 3, 13) + noise(3, 10, 0.15),
        "two seconds": _cut(6, 9, 11),
        "two at once": _cut(4, 3, 23) + _cut(6, 1, 21),
        "two that share sound": join(music(97, 7), _cut(3, 4, 16), music(96, 9)),
        "silence": silence(10),
    }


@pytest.fixture(scope="module")
def references() -> dict[int, Landmarks]:
    """Return nine recordings, and one that sounds like the third."""
    made = {number: landmarks_of(y) for number, y in enumerate(_SOUNDS, 1)}
    return made | {20: made[3]}


@pytest.fixture(scope="module")
def queries() -> dict[str, Fingerprint]:
    return {name: fingerprint_of(y) for name, y in _programmes().items()}


@pytest.mark.parametrize(
    ("params", "policy"),
    [
        pytest.param(DEFAULT, None, marks=pytest.mark.soak),
        pytest.param(_LARGE, _RECORDED, marks=pytest.mark.soak),
        (_TIGHT, None),
    ],
    ids=["linein", "large, recorded", "tight"],
)
def test_partitions_find_what_one_index_finds_of_their_segments_or_merged(
    params: Params,
    policy: ScanPolicy | None,
    references: dict[int, Landmarks],
    queries: dict[str, Fingerprint],
    tmp_path: Path,
) -> None:
    partitions = split(references, 3, tmp_path / "parts", params)
    merged = None
    if params == DEFAULT:
        (merged,) = split(references, 1, tmp_path / "one").parts

    for name, query in queries.items():
        result = partitions.ask(query, policy)
        assert result == partitions.scan_union(query, policy), name
        if merged is not None:
            held = References(references.__getitem__, merged.place_tables([BUCKET]))
            whole = scan(query, index=merged, buckets=[BUCKET], references=held)
            assert result == whole, name
            assert (name in {"unknown", "silence"}) != bool(result.segments)


def test_what_sparse_hashes_explain_is_asked_once(
    references: dict[int, Landmarks], tmp_path: Path
) -> None:
    partitions = split(references, 3, tmp_path)

    partitions.ask(fingerprint_of(_cut(2, 5, 15)))

    assert partitions.rounds == 1


def test_a_window_that_a_play_closes_in_part_is_asked_again(
    references: dict[int, Landmarks], tmp_path: Path
) -> None:
    partitions = split(references, 2, tmp_path, _TIGHT)
    query = fingerprint_of(join(_cut(2, 5, 20), _cut(3, 0, 14), music(95, 20)))

    result = partitions.ask(query, _RECORDED)

    assert result == partitions.scan_union(query, _RECORDED)
    assert {segment.recording for segment in result.segments} == {2, 3, 20}
    # The deep stage, some of its windows again, and the grid.
    assert partitions.rounds > 2


def test_a_question_of_another_engine_is_refused(references: dict[int, Landmarks]) -> None:
    query = fingerprint_of(music(77, 12))
    going = _begun(query, references)
    question = going.question()
    assert question is not None

    with pytest.raises(ParamsMismatch, match="same version on all machines"):
        Question.from_bytes(question.to_bytes(DEFAULT), _LARGE)
    with pytest.raises(BadAnswer, match="Another version"):
        PartitionedScan.resume(query, going.state(), load=references.__getitem__, params=_LARGE)


def test_damaged_bytes_and_foreign_answers_are_refused(
    references: dict[int, Landmarks], tmp_path: Path
) -> None:
    query = fingerprint_of(music(77, 25))
    going = _begun(query, references)
    question = going.question()
    assert question is not None
    (part,) = split(references, 1, tmp_path).parts
    whole = answer(question, query, index=part, tables=part.place_tables([BUCKET]))

    with pytest.raises(BadAnswer, match="damaged"):
        answer_from_bytes(answer_to_bytes(whole)[:-40])
    with pytest.raises(BadAnswer, match="damaged"):
        Question.from_bytes(b"nothing", DEFAULT)
    with pytest.raises(BadAnswer, match="damaged"):
        PartitionedScan.resume(query, b"nothing", load=references.__getitem__)
    with pytest.raises(BadAnswer, match="different questions"):
        going.take(question, [whole, {}])
    with pytest.raises(BadAnswer, match="another question"):
        going.take(question, [{(5, 0): next(iter(whole.values()))}])
    with pytest.raises(BadAnswer, match="not those to this scan"):
        going.take(question, [{}, {}])


def _begun(query: Fingerprint, references: dict[int, Landmarks]) -> PartitionedScan:
    return PartitionedScan.start(query, buckets=[BUCKET], hours=1.0, load=references.__getitem__)


def test_all_partitions_of_one_machine_are_one_index(
    references: dict[int, Landmarks], tmp_path: Path
) -> None:
    partitions = split(references, 3, tmp_path)
    union = partitions.union

    assert union.recordings(BUCKET).tolist() == sorted(references)
    assert union.stats(BUCKET).recordings == len(references)
    assert union.verify(BUCKET) == []
    union.remove(BUCKET, 20)
    union.maintain(BUCKET)
    assert union.stats(BUCKET).tombstones == 0
    assert 20 not in union.recordings(BUCKET)
    hashes = np.arange(5, dtype=np.uint32)
    union.add(BUCKET, 31, hashes, np.zeros(5, dtype=np.int32))
    assert partitions.parts[partition_of(31, 3) - 1].recordings(BUCKET)[-1] == 31
    with pytest.raises(ValueError, match="all of its partitions"):
        PartitionedIndex({1: partitions.parts[0]}, 3)
