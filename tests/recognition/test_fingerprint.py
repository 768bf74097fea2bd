from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.hostile import crafted
from benchmarks.hostile.feeding import make_rng
from recognition.errors import BadFingerprint, ParamsMismatch, TooLong, TooShort
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints import leb128, med
from recognition.fingerprints.hashes import likely_hashes
from recognition.limits import DecodeLimits
from recognition.types import Fingerprint, Landmarks, LevelMap

GOLDEN = Path(__file__).parent / "golden" / "made-up.acrfp"
PHASES = GOLDEN.with_name("phases.acrfp")
_REAL = GOLDEN.with_name("melody.acrfp").read_bytes()


def landmarks(n: int, seed: int, frames: int) -> Landmarks:
    """Return ``n`` synthetic landmarks on the grid that the format stores exactly."""
    rng = np.random.default_rng(seed)
    return Landmarks(
        frames=np.sort(rng.integers(0, frames, n)).astype(np.int32),
        bins=(rng.integers(0, 155 * 32, n) / 32).astype(np.float32),
        levels=(rng.integers(-160, 40, n) / 16).astype(np.float32),
    )


def with_phases(made: Landmarks, seed: int) -> Landmarks:
    rng = np.random.default_rng(seed)
    return replace(made, phases=rng.integers(0, 256, len(made.frames)).astype(np.uint8))


def made_up(seconds: int = 20, seed: int = 7) -> Fingerprint:
    frames = seconds * 1000 // 16
    rng = np.random.default_rng(seed)
    steps = rng.integers(-3, 4, (frames // 4, 52))
    cells = np.clip(120 + np.cumsum(steps, axis=0), 0, 255).astype(np.uint8)
    return Fingerprint(
        duration_ms=seconds * 1000,
        params_hash="0123456789abcdef",
        reference=landmarks(19 * seconds, seed, frames),
        dense=landmarks(100 * seconds, seed + 1, frames),
        level_map=LevelMap(cells, frames_per_cell=4, bins_per_cell=3),
    )


def assert_same(a: Fingerprint, b: Fingerprint) -> None:
    assert (a.duration_ms, a.params_hash) == (b.duration_ms, b.params_hash)
    for layer_a, layer_b in ((a.reference, b.reference), (a.dense, b.dense)):
        assert (layer_a is None) == (layer_b is None)
        if layer_a is not None and layer_b is not None:
            np.testing.assert_array_equal(layer_a.frames, layer_b.frames)
            np.testing.assert_array_equal(layer_a.bins, layer_b.bins)
            np.testing.assert_array_equal(layer_a.levels, layer_b.levels)
            np.testing.assert_array_equal(layer_a.phases, layer_b.phases)
    assert (a.level_map is None) == (b.level_map is None)
    if a.level_map is not None and b.level_map is not None:
        np.testing.assert_array_equal(a.level_map.levels, b.level_map.levels)
        assert a.level_map.frames_per_cell == b.level_map.frames_per_cell
        assert a.level_map.bins_per_cell == b.level_map.bins_per_cell


def with_checksum(body: bytes | bytearray) -> bytes:
    return bytes(body) + zlib.crc32(body).to_bytes(4, "little")


def test_the_golden_file_is_read_as_it_was_made() -> None:
    assert_same(fingerprint.load(GOLDEN), made_up())
    assert GOLDEN.read_bytes() == fingerprint.to_bytes(made_up())
    sparse = with_phases(landmarks(300, 3, 1000), 4)
    dense = landmarks(500, 5, 1000)  # from a file of version 1
    second = Fingerprint(16_000, "0123456789abcdef", sparse, dense)
    assert_same(fingerprint.load(PHASES), second)
    assert PHASES.read_bytes() == fingerprint.to_bytes(second)


def test_others_get_no_phases() -> None:
    own = fingerprint.load(PHASES)

    theirs = fingerprint.from_bytes(fingerprint.to_bytes(fingerprint.for_others(own)))

    assert_same(theirs, fingerprint.for_others(own))
    assert own.reference is not None
    assert theirs.reference is not None
    assert own.reference.phases is not None
    assert theirs.reference.phases is None
    np.testing.assert_array_equal(theirs.reference.frames, own.reference.frames)


@pytest.mark.parametrize(
    "made",
    [
        made_up(),
        replace(made_up(), reference=None),
        replace(made_up(), dense=None),
        replace(made_up(), level_map=None),
    ],
    ids=["whole", "no reference", "no dense", "no level map"],
)
def test_what_is_written_is_read_as_it_was_and_may_lack_a_layer(made: Fingerprint) -> None:
    assert_same(fingerprint.from_bytes(fingerprint.to_bytes(made)), made)


def test_a_saved_file_is_whole_and_alone_under_any_name(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.fp"
    path.parent.mkdir()

    fingerprint.save(path, made_up(seconds=4))
    fingerprint.save(path, made_up())

    assert_same(fingerprint.load(path), made_up())
    assert list(path.parent.iterdir()) == [path]


@st.composite
def any_landmarks(draw: st.DrawFn) -> Landmarks:
    # More than 23 in a frame, or 70 within half a second, are refused.
    frames = sorted(draw(st.lists(st.integers(0, 62_563), max_size=20)))
    bins = st.floats(0, 255, width=32)
    levels = st.floats(-31, 200, width=32)
    n = len(frames)
    return Landmarks(
        frames=np.array(frames, dtype=np.int32),
        bins=np.array(draw(st.lists(bins, min_size=n, max_size=n)), dtype=np.float32),
        levels=np.array(draw(st.lists(levels, min_size=n, max_size=n)), dtype=np.float32),
    )


@given(any_landmarks())
def test_any_landmarks_come_back_within_half_a_step(made: Landmarks) -> None:
    data = fingerprint.to_bytes(Fingerprint(1_000_000, "x", reference=made))

    back = fingerprint.from_bytes(data)

    assert back.reference is not None
    np.testing.assert_array_equal(back.reference.frames, made.frames)
    np.testing.assert_allclose(back.reference.bins, made.bins, atol=1 / 64 + 1e-4)
    np.testing.assert_allclose(back.reference.levels, made.levels, atol=1 / 32 + 1e-4)
    assert fingerprint.to_bytes(back) == data


@given(st.lists(st.integers(0, 2**32 - 1), max_size=200))
def test_numbers_survive_leb128(values: list[int]) -> None:
    array = np.array(values, dtype=np.uint32)

    data = leb128.encode(array)

    np.testing.assert_array_equal(leb128.decode(data, len(values)), array)


@given(st.binary(max_size=60), st.integers(0, 20))
def test_leb128_of_anything_is_read_or_refused(data: bytes, count: int) -> None:
    try:
        values = leb128.decode(np.frombuffer(data, dtype=np.uint8), count)
    except ValueError:
        return
    assert len(values) == count


@given(st.integers(0, 20), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_any_level_map_survives_prediction(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 256, (rows, columns), dtype=np.uint8)

    differences = np.concatenate([cells[:0].ravel(), *med.encode(cells)])

    np.testing.assert_array_equal(med.decode(differences.reshape(cells.shape)), cells)


def test_a_long_level_map_survives_being_told_in_parts() -> None:
    cells = np.random.default_rng(3).integers(0, 256, (150_000, 3), dtype=np.uint8)

    parts = list(med.encode(cells))

    assert len(parts) == 3
    encoded = np.concatenate(parts).reshape(cells.shape)
    np.testing.assert_array_equal(med.decode(encoded), cells)


def test_every_flipped_bit_is_noticed() -> None:
    data = fingerprint.to_bytes(made_up(seconds=1))

    for position in range(len(data)):
        broken = bytearray(data)
        broken[position] ^= 1 << (position % 8)
        with pytest.raises(BadFingerprint):
            fingerprint.from_bytes(bytes(broken))


def test_every_truncation_is_noticed() -> None:
    data = fingerprint.to_bytes(made_up(seconds=1))

    for length in range(len(data)):
        with pytest.raises(BadFingerprint):
            fingerprint.from_bytes(data[:length])


@settings(max_examples=150)
@given(st.data())
def test_a_forged_file_is_refused_or_read_and_never_worse(data: st.DataObject) -> None:
    body = bytearray(fingerprint.to_bytes(made_up(seconds=1))[:-4])
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(8, len(body) - 1))] = data.draw(st.integers(0, 255))

    try:
        read = fingerprint.from_bytes(with_checksum(body))
    except BadFingerprint:
        return
    assert_same(fingerprint.from_bytes(fingerprint.to_bytes(read)), read)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zlib.compress(bytes(100_000_000), 9)
    head = fingerprint.HEAD.pack(fingerprint.MAGIC, 1, 1, 1000, b"x")
    layer = fingerprint.LAYER.pack(3, 4, 3, 50, 2_000_000, 100_000_000, len(bomb))

    with pytest.raises(BadFingerprint, match="impossible layer size"):
        fingerprint.from_bytes(with_checksum(head + layer + bomb))


_ACCEPTED = {"no landmarks in two days", "a comb", "as dense as allowed", "no layers"}


@pytest.mark.parametrize("name", crafted.FIXED)
def test_what_no_sound_gives_is_refused(name: str) -> None:
    data = crafted.FIXED[name]()

    try:
        fingerprint.check_layers(fingerprint.from_bytes(data))
    except BadFingerprint:
        is_accepted = False
    else:
        is_accepted = True

    assert is_accepted == (name in _ACCEPTED)


@settings(max_examples=150)
@given(st.integers(0, 2**32 - 1))
def test_a_broken_file_with_a_right_checksum_is_read_or_refused(seed: int) -> None:
    data = crafted.mutated_print(_REAL, make_rng("broken", seed))

    try:
        read = fingerprint.from_bytes(data)
        fingerprint.check_layers(read)
    except (BadFingerprint, ParamsMismatch):
        return
    for layer in (read.reference, read.dense):
        if layer is not None:
            likely_hashes(layer)
    assert_same(fingerprint.from_bytes(fingerprint.to_bytes(read)), read)


def test_sound_of_another_length_than_allowed_is_not_unpacked() -> None:
    limits = DecodeLimits(min_duration_ms=1_000, max_duration_ms=crafted.HALF_HOUR_MS)

    with pytest.raises(TooLong):
        fingerprint.from_bytes(crafted.bomb(crafted.TWO_DAYS_MS), limits=limits)
    with pytest.raises(TooShort):
        fingerprint.from_bytes(crafted.packed([], 999), limits=limits)


def test_an_unknown_version_is_named() -> None:
    data = bytearray(fingerprint.to_bytes(made_up(seconds=1))[:-4])
    data[8:10] = (9).to_bytes(2, "little")

    with pytest.raises(BadFingerprint, match="format version 9; this engine reads 1 to 2"):
        fingerprint.from_bytes(with_checksum(data))


@pytest.mark.parametrize("name", ["a.lo", "a.db.lo", "a.cli.lo", "A.FP"])
def test_files_of_other_makers_are_refused_with_the_way_to_ours(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x00\x01vendor" * 100)

    with pytest.raises(BadFingerprint, match=r"acrfp make") as e:
        fingerprint.load(path)

    assert name in str(e.value)


def test_unordered_landmarks_are_not_written() -> None:
    backwards: NDArray[np.int32] = np.array([5, 3], dtype=np.int32)
    zeros = np.zeros(2, dtype=np.float32)

    with pytest.raises(ValueError, match="ordered by frame"):
        fingerprint.to_bytes(Fingerprint(1000, "x", reference=Landmarks(backwards, zeros, zeros)))
