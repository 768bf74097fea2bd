"""Whoever asked for a search can stop it, at each of its steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from recognition import interrupts
from recognition.errors import SearchTooLong
from recognition.fingerprints.builder import extract
from recognition.fingerprints.hashes import reference_hashes
from recognition.index import vote
from recognition.index.places import References, places_of
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.relate.compare import compare
from recognition.relate.relatives import relatives
from recognition.search import retro
from recognition.search.match import scan
from recognition.search.retro import RetroIndex, search_back
from recognition.types import Fingerprint, Landmarks, ScanResult
from recognition.verify import extension as extend
from tests.recognition.synthesis import RATE, faster, join, landmarks_of, music, noise

NUMBERS = (11, 12)


@cache
def query() -> Fingerprint:
    """Return the fingerprint of both recordings, one of them faster, and noise."""
    return extract(
        join(
            music(11, 30)[3 * RATE : 18 * RATE],
            faster(music(12, 30)[4 * RATE : 24 * RATE], 1.04),
            music(99, 12) + noise(5, 12, 0.02),
        )
    )


class Stopped(Exception):
    """Raised by the check of a test."""


@pytest.fixture(scope="module")
def references() -> dict[int, Landmarks]:
    return {number: landmarks_of(music(number, 30)) for number in NUMBERS}


@pytest.fixture(scope="module")
def index(
    tmp_path_factory: pytest.TempPathFactory, references: dict[int, Landmarks]
) -> SegmentStore:
    folder = tmp_path_factory.mktemp("index")
    store = SegmentStore(folder, params_hash=DEFAULT.index_hash())
    store.add_many(
        1,
        [
            (number, *reference_hashes(landmarks), places_of(landmarks))
            for number, landmarks in references.items()
        ],
    )
    return store


def scanned(index: SegmentStore, references: dict[int, Landmarks]) -> ScanResult:
    held = References(references.__getitem__, index.place_tables([1]))
    return scan(query(), index=index, buckets=[1], references=held)


def late(references: dict[int, Landmarks]) -> object:
    return search_back(query(), RetroIndex.of(references), hours=1)


def raises_after(looks: int) -> Callable[[], None]:
    """Return a check that lets some looks pass."""
    seen = iter(range(looks))

    def check() -> None:
        if next(seen, None) is None:
            raise Stopped

    return check


@pytest.mark.parametrize("name", ["scan", "late search", "comparison", "relatives"])
@pytest.mark.parametrize("looks", [0, 3])
def test_each_search_can_be_stopped(
    name: str,
    looks: int,
    index: SegmentStore,
    references: dict[int, Landmarks],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Fingerprint(30_000, DEFAULT.shape_hash(), reference=references[11])
    search: Callable[[], object] = {
        "scan": lambda: scanned(index, references),
        "late search": lambda: late(references),
        "comparison": lambda: compare(made, made),
        "relatives": lambda: relatives(references[11], index=index, bucket=1),
    }[name]
    # Each step is to look, however little time it took.
    monkeypatch.setattr(interrupts, "_EVERY_SECONDS", -1.0)

    with pytest.raises(Stopped), interrupts.checked_by(raises_after(looks)):
        search()


def test_what_is_found_does_not_depend_on_the_length_of_steps(
    index: SegmentStore, references: dict[int, Landmarks], monkeypatch: pytest.MonkeyPatch
) -> None:
    result, late_segments = scanned(index, references), late(references)
    assert [segment.recording for segment in result.segments] == [11, 12]

    monkeypatch.setattr(vote, "AT_A_STRETCH", 7)
    monkeypatch.setattr(retro, "_LANDMARKS_AT_ONCE", 50)
    monkeypatch.setattr(retro, "_WINDOWS_AT_ONCE", 1)
    monkeypatch.setattr(extend, "_AT_A_STRETCH", 1)

    assert scanned(index, references) == result
    assert late(references) == late_segments


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(interrupts, "monotonic", made.read)
    return made


def test_a_check_is_asked_seldom(clock: Clock) -> None:
    checks: list[None] = []

    with interrupts.checked_by(lambda: checks.append(None)):
        for _look in range(100):
            interrupts.look()
        first = len(checks)
        clock.now += 1
        interrupts.look()

    assert (first, len(checks)) == (1, 2)


def test_only_a_search_with_a_limit_takes_too_long(clock: Clock) -> None:
    with interrupts.checked_by(lambda: None, search_seconds=5):
        clock.now += 6
        interrupts.look()
        with interrupts.limited_search():
            clock.now += 6
            with pytest.raises(SearchTooLong):
                interrupts.look()
        clock.now += 6
        interrupts.look()
    with interrupts.checked_by(lambda: None), interrupts.limited_search():
        clock.now += 60
        interrupts.look()


def test_nobody_stops_work_without_a_check() -> None:
    interrupts.look()
