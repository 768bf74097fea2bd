"""Landmarks: layers, density, and invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recognition.fingerprints import file_format as fingerprint_file
from recognition.fingerprints.builder import FingerprintBuilder, extract
from recognition.fingerprints.hashes import likely_hashes
from recognition.fingerprints.landmarks import LandmarkExtractor, ranks_of
from recognition.fingerprints.levels import silent_frames
from recognition.params import DEFAULT
from recognition.types import Landmarks
from tests.recognition.synthesis import RATE, empty_landmarks, join, music, noise, silence


def _no_phases(frames: NDArray[np.int32], bins: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.zeros(len(bins), dtype=np.uint8)


def _places(landmarks: Landmarks) -> set[tuple[int, float]]:
    return set(zip(landmarks.frames.tolist(), landmarks.bins.round(3).tolist(), strict=True))


def test_the_fingerprint_does_not_depend_on_the_block_size() -> None:
    y = music(3, 10)
    whole = extract(y)

    for block in (1000, 8000, 100_000):
        builder = FingerprintBuilder()
        for i in range(0, len(y), block):
            builder.feed(y[i : i + block])
        made = builder.finish(10_000)

        for made_layer, whole_layer in (
            (made.reference, whole.reference),
            (made.dense, whole.dense),
        ):
            assert made_layer is not None
            assert whole_layer is not None
            assert np.array_equal(made_layer.frames, whole_layer.frames), block
            assert np.array_equal(made_layer.levels, whole_layer.levels), block
            assert made_layer.phases is not None
            assert whole_layer.phases is not None
            assert np.array_equal(made_layer.phases, whole_layer.phases), block
        assert made.level_map is not None
        assert whole.level_map is not None
        assert np.array_equal(made.level_map.levels, whole.level_map.levels), block


def test_a_file_shifted_by_whole_frames_has_the_same_landmarks() -> None:
    y = music(4, 8)
    shift = 40
    later = join(np.zeros(shift * DEFAULT.hop_length, dtype=np.float32), y)

    plain, shifted = extract(y).reference, extract(later).reference

    assert plain is not None
    assert shifted is not None
    moved = {(frame + shift, place) for frame, place in _places(plain)}
    inside = {(frame, place) for frame, place in _places(shifted) if frame > shift + 12}
    assert len(inside - moved) <= 0.02 * len(inside)


def test_the_sparse_layer_is_part_of_the_dense_one() -> None:
    fingerprint = extract(music(5, 10))

    assert fingerprint.reference is not None
    assert fingerprint.dense is not None
    assert _places(fingerprint.reference) <= _places(fingerprint.dense)


def _most_within(landmarks: Landmarks, frames: int) -> int:
    counts = np.bincount(landmarks.frames, minlength=frames)
    return int(np.convolve(counts, np.ones(frames, dtype=np.int64)).max())


@given(
    spacing=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    period=st.integers(6, 80),
    burst=st.integers(1, 80),
    spread=st.sampled_from([0.0, 0.01, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_spectrum_has_more_landmarks_than_a_file_may_hold(
    spacing: tuple[int, int], period: int, burst: int, spread: float, seed: int
) -> None:
    # Peaks as close as can be, all alike or not, in bursts or without end.
    across, along = spacing
    levels = np.full((600, DEFAULT.n_bins), -9.0, dtype=np.float32)
    frames = [frame for frame in range(0, 600, along) if frame % period < burst]
    rng = np.random.default_rng(seed)
    for frame in frames:
        levels[frame, 1::across] = rng.normal(0, spread, len(levels[frame, 1::across]))
    extractor = LandmarkExtractor(DEFAULT, _no_phases)
    extractor.feed(levels)
    extractor.finish()

    sparse, dense = extractor.take()

    for kind, layer, rate in (
        (fingerprint_file.REFERENCE, sparse, DEFAULT.reference_rate),
        (fingerprint_file.DENSE, dense, DEFAULT.dense_rate),
    ):
        assert _most_within(layer, 1) <= fingerprint_file.MAX_IN_FRAME[kind]
        assert _most_within(layer, fingerprint_file.HALF_SECOND) <= rate
        assert rate < fingerprint_file.MAX_IN_HALF_SECOND[kind]


def _hostile_sounds() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    clicks = np.zeros(20 * RATE, dtype=np.float32)
    clicks[::640] = 0.5
    burst = np.zeros(640, dtype=np.float32)
    burst[:200] = rng.normal(0, 0.2, 200)
    gated = np.sign(rng.normal(0, 1, 20 * RATE)) * (np.arange(20 * RATE) % 4000 < 1400)
    return {
        "noise": noise(1, 20, 0.1),
        "clicks": clicks,
        "a loop of 80 ms": np.tile(burst, 250),
        "gated noise": (0.5 * gated).astype(np.float32),
    }


def test_the_fingerprint_of_hostile_sound_can_be_read_and_searched() -> None:
    for name, y in _hostile_sounds().items():
        read = fingerprint_file.from_bytes(fingerprint_file.to_bytes(extract(y)))

        fingerprint_file.check_layers(read)
        assert read.dense is not None
        hashes, _ = likely_hashes(read.dense)
        assert len(hashes) <= DEFAULT.likely_most * (20 + 12 + 1), name


def test_silence_has_no_landmarks_and_is_known_as_silence() -> None:
    fingerprint = extract(silence(5))

    assert fingerprint.dense is not None
    assert fingerprint.level_map is not None
    assert len(fingerprint.dense.frames) == 0
    assert silent_frames(fingerprint.level_map).all()


def test_hum_alone_is_silence_and_a_low_note_of_music_is_heard() -> None:
    t = np.arange(5 * RATE) / RATE
    hum = extract((0.02 * np.sin(2 * np.pi * 50 * t)).astype(np.float32))
    note = extract((0.02 * np.sin(2 * np.pi * 220 * t)).astype(np.float32))

    assert hum.level_map is not None
    assert note.level_map is not None
    assert silent_frames(hum.level_map).all()
    assert not silent_frames(note.level_map).any()


@pytest.mark.parametrize("pause_db", [-200.0, -70.0])
def test_a_quiet_master_is_heard_and_its_hiss_is_silence(pause_db: float) -> None:
    tune = music(4, 20)
    quiet = tune * (10 ** (-47 / 20) / np.abs(tune).max())
    hiss = np.random.default_rng(1).normal(0, 10 ** (pause_db / 20), 30 * RATE)
    hiss[: len(quiet)] += quiet

    made = extract(hiss.astype(np.float32))

    assert made.level_map is not None
    silent = silent_frames(made.level_map)
    in_music = 20 * RATE // DEFAULT.hop_length // DEFAULT.map_frames
    # Pauses of a second belong to the music.
    assert silent[2 : in_music - 2].mean() < 0.05
    assert silent[in_music + 20 :].all()


def test_hiss_alone_is_silence() -> None:
    hiss = np.random.default_rng(1).normal(0, 10 ** (-62 / 20), 60 * RATE)

    made = extract(hiss.astype(np.float32))

    assert made.level_map is not None
    assert silent_frames(made.level_map).all()


def test_a_builder_makes_only_the_layers_asked_for() -> None:
    builder = FingerprintBuilder(layers={"reference"})
    builder.feed(music(6, 3))

    fingerprint = builder.finish(3000)

    assert fingerprint.reference is not None
    assert fingerprint.dense is None
    assert fingerprint.level_map is None
    with pytest.raises(ValueError, match="unknown layers: waveform"):
        FingerprintBuilder(layers={"waveform"})


def test_less_than_a_frame_of_sound_gives_an_empty_fingerprint() -> None:
    fingerprint = extract(np.zeros(RATE // 100, dtype=np.float32))

    assert fingerprint.reference is not None
    assert len(fingerprint.reference.frames) == 0


def test_a_rank_counts_the_louder_landmarks_of_the_neighbourhood() -> None:
    landmarks = Landmarks(
        frames=np.array([0, 3, 8, 40], dtype=np.int32),
        bins=np.array([50, 52, 55, 50], dtype=np.float32),
        levels=np.array([-2, -1, -4, -3], dtype=np.float32),
    )

    assert ranks_of(landmarks, DEFAULT).tolist() == [1, 0, 2, 0]
    assert len(ranks_of(empty_landmarks(), DEFAULT)) == 0
