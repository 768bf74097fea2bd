"""The count of strangers' false rows: turned sound, which rows are right, the tail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpus import Track
from benchmarks.growth import Catalogue
from benchmarks.kinship import agreement, share_sound, sounds_in
from benchmarks.shelf import BUCKET, add_all
from benchmarks.sound import RATE, Samples, resample, speed, tempo
from benchmarks.strangers import POSES, Pose, Scene, Task
from benchmarks.tail import fit
from benchmarks.variants import Variant
from recognition.index.places import References
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.search.match import scan
from recognition.types import Fingerprint, Landmarks
from recognition.verify.alignment import Alignment
from tests.recognition.synthesis import RATE as OWN_RATE
from tests.recognition.synthesis import fingerprint_of, join, landmarks_of, music

SECONDS = 30


def _places(made: Fingerprint) -> set[tuple[int, float]]:
    assert made.dense is not None
    bins = made.dense.bins.round(3).tolist()
    return set(zip(made.dense.frames.tolist(), bins, strict=True))


def _stored(folder: Path, recordings: Mapping[int, Landmarks]) -> SegmentStore:
    index = SegmentStore(folder / "index", params_hash=DEFAULT.index_hash())
    add_all(index, dict(recordings))
    return index


def _scene(folder: Path, sounds: Sequence[Samples], recordings: Mapping[int, Landmarks]) -> Scene:
    """Return tracks of these sounds and a catalogue of these recordings of them."""
    tracks = []
    for number, y in enumerate(sounds):
        decoded = folder / f"{number}.npy"
        samples = np.clip(resample(y, OWN_RATE, RATE), -1, 1) * 32767
        np.save(decoded, samples.astype(np.int16))
        tracks.append(Track(f"track {number}", len(y) / OWN_RATE, decoded))
    index = _stored(folder, recordings)
    return Scene(
        tracks,
        [fingerprint_of(y) for y in sounds],
        [Catalogue(index, dict(recordings), SECONDS / 3600)],
    )


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> tuple[SegmentStore, References]:
    """Return an index of one recording in all poses."""
    reference = landmarks_of(music(5, SECONDS))
    recordings = {
        # Cells are mirrored as a whole, one bin higher than a variant is.
        number: Variant(1.0, int(pose.mirrored), pose.backwards, pose.mirrored).of(reference)
        for number, pose in enumerate(POSES, start=1)
    }
    index = _stored(tmp_path_factory.mktemp("turned"), recordings)
    return index, References.held(recordings)


@pytest.mark.parametrize("pose", POSES, ids=str)
def test_turned_sound_is_the_recording_turned_alike_and_turned_twice_the_same(
    pose: Pose, turned: tuple[SegmentStore, References]
) -> None:
    made = fingerprint_of(music(5, SECONDS))
    once = pose.of(made)
    again = pose.of(once)

    index, references = turned
    result = scan(once, index=index, buckets=[BUCKET], references=references)

    assert {segment.recording for segment in result.segments} == {POSES.index(pose) + 1}
    assert _places(again) <= _places(made)
    assert len(_places(again)) > 0.98 * len(_places(made))
    assert made.level_map is not None
    assert again.level_map is not None
    assert np.array_equal(again.level_map.levels, made.level_map.levels)


def test_a_row_that_shares_sound_is_listed_but_not_false(tmp_path: Path) -> None:
    track = music(11, SECONDS)
    stranger = join(music(12, 10), track[5 * OWN_RATE : 20 * OWN_RATE], music(13, 20))
    scene = _scene(tmp_path, [track, stranger], {0: landmarks_of(track)})

    result = scene.scan(Task(half=0, hours=1, track=1, pose=0))

    (row,) = result.rows
    assert (row.stranger, row.recording, row.shared) == ("track 1", "track 0", True)
    assert row.at_s == pytest.approx(10, abs=0.5)
    # What the row covers is no stranger's.
    assert len(result.best) < result.seconds / 10 - 1
    assert max(result.long) < row.bits / 2


def test_a_row_without_shared_sound_is_false(tmp_path: Path) -> None:
    track, stranger = music(11, SECONDS), music(12, SECONDS)
    # The catalogue holds the stranger's landmarks in the name of the other track.
    scene = _scene(tmp_path, [track, stranger], {0: landmarks_of(stranger)})

    result = scene.scan(Task(half=0, hours=1, track=1, pose=0))

    assert [row.shared for row in result.rows] == [False]
    assert max(result.long) == pytest.approx(result.rows[0].bits, abs=0.1)


def test_a_stretch_is_recognised_wherever_it_sounds_in_another_track() -> None:
    ours, stranger = music(14, SECONDS), music(15, SECONDS)
    # The stretch of 10 s from 12 s on is heard 40 s later, beneath other music.
    heard = ours[12 * OWN_RATE : 22 * OWN_RATE] + 0.5 * music(16, 10)
    reference = join(music(17, 52), heard, music(18, 9))
    span = (12 * 62.5, 22 * 62.5)

    def sound(y: Samples) -> Samples:
        return resample(y, OWN_RATE, RATE)

    assert sounds_in(sound(ours), sound(reference), span)
    assert not sounds_in(sound(stranger), sound(reference), span)


@pytest.mark.parametrize("change", [tempo, speed])
@pytest.mark.parametrize("ratio", [0.95, 1.0, 1.05])
def test_sound_at_another_tempo_or_speed_is_recognised_at_its_place_alone(
    change: Callable[[Samples, float], Samples], ratio: float
) -> None:
    # No moment of noise is like another; notes of a synthesizer are.
    rng = np.random.default_rng(14)
    recording, stranger = rng.normal(0, 0.1, (2, SECONDS * RATE)).astype(np.float32)
    heard = change(recording, ratio)
    span, alignment = (10 * 62.5, 15 * 62.5), Alignment(1 / ratio, 0.0, 0.0)
    half_a_second_later = Alignment(1 / ratio, 31.0, 0.0)
    another_tempo = Alignment(1.05 / ratio, 0.0, 0.0)

    assert share_sound(heard, recording, span, alignment)
    for wrong in (half_a_second_later, another_tempo):
        assert agreement(heard, recording, span, wrong) < 5.7
        assert not share_sound(heard, recording, span, wrong)
    assert not share_sound(heard, stranger, span, alignment)


def test_the_fit_finds_the_tail_and_an_interval_around_what_it_asks_for() -> None:
    rng = np.random.default_rng(3)
    u, h, share = 8.0, 0.6, 0.05
    windows = []
    for _ in range(150):
        scores = rng.uniform(0, u, 100)
        above = rng.random(100) < share
        scores[above] = u + rng.exponential(h / np.log(2), int(above.sum()))
        windows.append(scores)

    tail = fit(windows, share)

    needed, low, high = tail.needed(0.001)
    true = u + h * np.log2(share * 360 / 0.001)
    assert low < true < high
    assert low < needed < high < low + 4
    rate, slowest, fastest = tail.rate(needed)
    assert rate == pytest.approx(0.001)
    assert slowest < rate < fastest


def test_a_tail_of_nothing_asks_for_nothing() -> None:
    tail = fit([np.zeros(50), np.zeros(50)])

    assert tail.rate(10.0) == (0.0, 0.0, 0.0)
    assert tail.needed(0.001) == (0.0, 0.0, 0.0)
