"""Where a host is cut, by the ends of the plays that were measured along it."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.recurring.families import Side
from recognition.recurring.pieces import pieces
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment
from recognition.verify.segments import ScoringRun

FRAME = 0.016
Interval = tuple[float, float]


def _run(file: int, start: float, end: float) -> tuple[int, ScoringRun]:
    """Return a play of the host from one second to another, 100 s into a file."""
    frames = np.array([start / FRAME, end / FRAME], dtype=np.int32)
    nothing = np.zeros(2, dtype=np.float32)
    offset = 100 / FRAME if file else 0.0
    run = ScoringRun(
        recording=0,
        reference=Landmarks(frames, nothing, nothing),
        alignment=Alignment(1.0, offset, 0.0),
        first=0,
        last=1,
        bits=100.0,
        raw=100.0,
        aligned=100,
        judged=100,
        absent=0,
        pitches=60,
        p0=0.1,
    )
    return file, run


def _cut(*plays: Interval) -> list[tuple[int, int, int]]:
    """Return start and end of each piece of a host of 100 s, and how many plays it has.

    The host is file 0; the plays are those of other files.
    """
    host = Side(0, 0, 100 / FRAME)
    runs = [_run(0, 0, 100), *(_run(n, *play) for n, play in enumerate(plays, 1))]
    return [
        (round(piece.start * FRAME), round(piece.end * FRAME), len(piece.parts))
        for piece in pieces(host, runs)
    ]


@pytest.mark.parametrize(
    ("plays", "expected"),
    [
        ([], []),
        ([(0, 100), (0, 100)], [(0, 100, 3)]),
        # Ends that lie apart are those of parts.
        ([(0, 100), (10, 60), (30, 80)], [(0, 100, 4)]),
        # What only the host has is not known to belong to it.
        ([(20, 80), (20, 80)], [(20, 80, 3)]),
        # Three ends meet, and most runs do not cross them.
        ([(0, 40), (0, 40), (40, 100), (40, 100)], [(0, 40, 3), (40, 100, 3)]),
        # A pair of ends that few runs cross.
        ([(0, 40), (40, 100)], [(0, 40, 2), (40, 100, 2)]),
        # Two that most runs cross are chance.
        ([(0, 100), (0, 100), (0, 100), (0, 100), (0, 40), (40, 100)], [(0, 100, 7)]),
        # No run joins what lies on both sides, although their ends are apart.
        ([(0, 40), (42, 100)], [(0, 41, 2), (41, 100, 2)]),
        # A short piece is an item of its own if it is played alone.
        ([(0, 6), (0, 6), (0, 100), (6, 100)], [(0, 6, 4), (6, 100, 3)]),
        # If not, it belongs to what follows when that mostly has it,
        ([(0, 100), (3, 100), (3, 100), (3, 100), (0, 100), (0, 100)], [(0, 100, 7)]),
        # and to nothing when that mostly lacks it.
        ([(3, 100), (3, 100), (3, 100), (3, 100), (0, 100)], [(3, 100, 6)]),
    ],
)
def test_a_host_is_cut_where_ends_meet(
    plays: list[Interval], expected: list[tuple[int, int, int]]
) -> None:
    assert _cut(*plays) == expected


def test_a_cut_play_keeps_its_place_in_the_file() -> None:
    host = Side(0, 0, 100 / FRAME)
    runs = [_run(0, 0, 100), _run(1, 0, 100), _run(2, 0, 40), _run(3, 40, 100)]

    first, second = pieces(host, runs)

    assert first.parts[1].side.start * FRAME == pytest.approx(100, abs=0.1)
    assert first.parts[1].side.end * FRAME == pytest.approx(140, abs=0.1)
    assert second.parts[1].side.start * FRAME == pytest.approx(140, abs=0.1)
    assert first.parts[1].bits == pytest.approx(40, abs=1)
