"""Finding a query's landmarks by position."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recognition.types import Landmarks
from recognition.verify.alignment import nearest, something_near, view_of

N_FRAMES = 40
BINS = st.floats(0, 226, width=32)
LANDMARKS = st.lists(st.tuples(st.integers(0, N_FRAMES - 1), BINS), max_size=12)


@given(LANDMARKS, st.floats(0, N_FRAMES - 1), BINS)
def test_where_nothing_can_be_near_nothing_is(
    landmarks: list[tuple[int, float]], frame: float, place: float
) -> None:
    ordered = sorted(landmarks)
    frames = np.array([frame for frame, _ in ordered], dtype=np.int32)
    bins = np.array([place for _, place in ordered], dtype=np.float32)
    made = Landmarks(frames, bins, np.zeros(len(bins), dtype=np.float32))
    view = view_of(made, None, N_FRAMES)

    index = nearest(view.first, frames, bins, frame, place, 1.0, 0.5)

    assert index < 0 or something_near(view.sectors, frame, place)


def test_far_from_every_landmark_nothing_is_near() -> None:
    landmarks = Landmarks(
        frames=np.array([20], dtype=np.int32),
        bins=np.array([100.0], dtype=np.float32),
        levels=np.zeros(1, dtype=np.float32),
    )
    sectors = view_of(landmarks, None, N_FRAMES).sectors

    near = [
        (frame, place)
        for frame in range(N_FRAMES)
        for place in range(227)
        if something_near(sectors, frame, place)
    ]

    assert (20, 100) in near
    assert all(19 <= frame <= 21 and 96 <= place < 104 for frame, place in near)
