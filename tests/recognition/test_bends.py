"""Runs of one recording that meet where its tempo drifts, and where more of it may be."""

from __future__ import annotations

import numpy as np
import pytest

from recognition.params import DEFAULT
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment
from recognition.verify.bends import leads_beside, meeting
from recognition.verify.segments import ScoringRun

REFERENCE = Landmarks(
    frames=np.arange(0, 8000, 4, dtype=np.int32),
    bins=np.full(2000, 50, dtype=np.float32),
    levels=np.zeros(2000, dtype=np.float32),
)


def _run(slope: float, at: tuple[float, float], span: tuple[int, int]) -> ScoringRun:
    """Return a run through a reference and query frame, over a span of the reference."""
    alignment = Alignment(slope, at[1] - slope * at[0], 0.0)
    first, last = (frame // 4 for frame in span)
    return ScoringRun(1, REFERENCE, alignment, first, last, 40.0, 50.0, 90, 100, 2, 60, 0.03)


BEND = (2000.0, 2100.0)
BEFORE = _run(1.0, BEND, (1000, 2100))
AFTER = _run(0.97, BEND, (1800, 4000))


def test_an_overlap_is_cut_where_the_alignments_cross() -> None:
    earlier, later = meeting([AFTER, BEFORE], DEFAULT)

    assert (earlier.reference_span, later.reference_span) == ((1000, 1996), (2000, 4000))
    assert earlier.bits == pytest.approx(40 * 996 / 1100)
    assert later.aligned == 82


def test_a_gap_is_closed_and_keeps_the_evidence() -> None:
    earlier, later = meeting(
        [_run(1.0, BEND, (1000, 1900)), _run(0.97, BEND, (2200, 4000))], DEFAULT
    )

    assert (earlier.reference_span[1], later.reference_span[0]) == (1996, 2000)
    assert (earlier.bits, later.bits) == (40.0, 40.0)


@pytest.mark.parametrize(
    "after",
    [
        _run(0.8, BEND, (2000, 4000)),
        _run(0.97, (2000.0, 2130.0), (2000, 4000)),
        _run(0.97, (2700.0, 2800.0), (2700, 4000)),
        _run(0.97, BEND, (2000, 2080)),
    ],
    ids=["a jump", "another place", "far away", "too short"],
)
def test_other_runs_keep_their_ends(after: ScoringRun) -> None:
    before = _run(1.0, BEND, (1000, 2000))

    assert meeting([before, after], DEFAULT) == [before, after]


def test_more_is_looked_for_before_between_and_after_runs_that_drift() -> None:
    before, after = _run(1.0, (0, 0), (1000, 2000)), _run(0.96, (0, 100), (3000, 4000))

    between, earlier, later = leads_beside([before, after], DEFAULT)

    assert between.window == (2000, 2980)
    assert between.alignment.slope == pytest.approx(0.98)
    assert between.alignment.query_frame(2000) == pytest.approx(2000)
    assert earlier.window == earlier.within == (375, 1000)
    assert later.window == later.within == (3940, 4565)
    # The tempo drifts on.
    assert earlier.alignment.slope > 1.01
    assert earlier.alignment.query_frame(1000) == pytest.approx(1000)
    assert later.alignment.slope < 0.95
    assert later.alignment.query_frame(4000) == pytest.approx(3940)
    # A run within another says little of the drift.
    around, inside = _run(1.0, BEND, (0, 3100)), _run(0.97, BEND, (800, 2200))
    slopes = [lead.alignment.slope for lead in leads_beside([around, inside], DEFAULT)]
    assert slopes == [pytest.approx(1.06), pytest.approx(0.91)]
    # Runs at one tempo give no leads, nor do runs whose tempi do not lead to each other.
    steady = _run(1.0, (0, 0), (3000, 4000))
    assert not list(leads_beside([before, steady], DEFAULT))
    jump = _run(0.96, (0, 400), (3000, 4000))
    assert not list(leads_beside([before, jump], DEFAULT))
