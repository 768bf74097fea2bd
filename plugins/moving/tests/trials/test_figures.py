"""The figures of a trial, as by hand."""

from __future__ import annotations

import pytest

from base.common.statistics import sign_test, wilson_interval
from plugins.moving.models import Judgement, TrialKind
from plugins.moving.trials.figures import Outcome, figures_of, sample_size

HEARD, WRONG = Judgement.HEARD, Judgement.WRONG
Row = tuple[str, str, bool, int]


def _rows(ours: int, theirs: int) -> list[Row]:
    """Return 1,000 agreements with a sample of 200, and confirmed differences."""
    return [
        (TrialKind.BOTH, HEARD, True, 198),
        (TrialKind.BOTH, WRONG, True, 2),
        (TrialKind.BOTH, "", False, 800),
        (TrialKind.ONLY_OURS, HEARD, True, ours),
        (TrialKind.ONLY_OURS, WRONG, True, 2),
        (TrialKind.ONLY_THEIRS, HEARD, True, theirs),
        (TrialKind.ONLY_THEIRS, WRONG, True, 4),
    ]


def test_a_sample_stands_for_all_agreements() -> None:
    figures = figures_of(_rows(ours=30, theirs=10))

    # 990 of 1,000 agreements, 30 and 10.
    assert figures.confirmed == 1030
    assert figures.ours.found.value == pytest.approx(1020 / 1030)
    assert figures.theirs.found.value == pytest.approx(1000 / 1030)
    assert (figures.ours.wrong, figures.theirs.wrong) == (12, 14)
    assert figures.ours.precision.value == pytest.approx(1020 / 1032)
    assert figures.decided == 246
    assert figures.waiting == 0
    assert figures.outcome is Outcome.OURS

    # The interval is no narrower than the decisions allow.
    share = figures.ours.found
    low, high = wilson_interval(1020 / 1030, 1030)
    assert share.value is not None
    assert share.low < low < share.value < high < share.high


def test_chance_few_decisions_and_unjudged_kinds_name_no_winner() -> None:
    for ours, theirs in ((12, 10), (10, 12), (20, 10)):
        assert figures_of(_rows(ours, theirs)).outcome is Outcome.TOO_CLOSE

    # Under 200 decisions are too few.
    rows: list[Row] = [(TrialKind.BOTH, HEARD, True, 100), (TrialKind.ONLY_OURS, HEARD, True, 99)]
    assert figures_of(rows).outcome is Outcome.TOO_CLOSE
    assert figures_of([*rows, (TrialKind.BOTH, HEARD, True, 1)]).outcome is Outcome.OURS

    rows = [*_rows(ours=30, theirs=0), (TrialKind.OTHER_THEIRS, "", True, 50)]
    figures = figures_of(rows)
    assert figures.waiting == 50
    assert figures.outcome is Outcome.TOO_CLOSE

    # A judgement outside the sample does not count.
    figures = figures_of([(TrialKind.BOTH, HEARD, False, 500)])
    assert figures.decided == 0
    assert figures.ours.found.value is None


def test_samples_sign_tests_and_bounds_are_those_of_the_tables() -> None:
    assert [sample_size(n) for n in (0, 150, 1_000, 4_001, 10_000)] == [*(0, 150, 200, 201, 500)]
    assert sign_test(0, 0) == 1.0
    assert sign_test(5, 0) == pytest.approx(2 / 32)
    assert sign_test(6, 0) == pytest.approx(2 / 64)
    assert sign_test(0, 6) == sign_test(6, 0)
    assert wilson_interval(0.9, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)
