"""The constants that make stored data incompatible when they change."""

from __future__ import annotations

from dataclasses import replace

from recognition.params import DEFAULT


def test_query_constants_change_no_stored_data() -> None:
    params = replace(DEFAULT, dense_fan=5, max_e_value=0.5, silence_level=-3.0)

    assert params.shape_hash() == DEFAULT.shape_hash()
    assert params.index_hash() == DEFAULT.index_hash()


def test_landmark_constants_change_fingerprints_and_indexes() -> None:
    params = replace(DEFAULT, reference_radius_bins=7)

    assert params.shape_hash() != DEFAULT.shape_hash()
    assert params.index_hash() != DEFAULT.index_hash()


def test_posting_constants_change_the_index_alone() -> None:
    params = replace(DEFAULT, hash_frames=3)

    assert params.shape_hash() == DEFAULT.shape_hash()
    assert params.index_hash() != DEFAULT.index_hash()
