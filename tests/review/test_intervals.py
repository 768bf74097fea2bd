"""Sums over intervals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review import intervals

INTERVALS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 50)).map(
        lambda pair: (pair[0], pair[0] + pair[1])
    ),
    max_size=12,
)


def test_union_joins_what_overlaps_or_touches() -> None:
    assert intervals.union([(5, 8), (0, 3), (3, 4), (7, 9)]) == [(0, 4), (5, 9)]


@given(INTERVALS)
def test_length_counts_each_moment_once(given_intervals: list[intervals.Interval]) -> None:
    moments = {at for start, end in given_intervals for at in range(start, end)}

    assert intervals.length(given_intervals) == len(moments)


@given(INTERVALS, INTERVALS)
def test_overlap_share_is_intersection_over_union(
    one: list[intervals.Interval], other: list[intervals.Interval]
) -> None:
    first = {at for start, end in one for at in range(start, end)}
    second = {at for start, end in other for at in range(start, end)}
    expected = len(first & second) / len(first | second) if first | second else 0.0

    assert intervals.overlap_share(one, other) == pytest.approx(expected)


@given(INTERVALS, INTERVALS)
def test_share_within_is_what_the_other_covers(
    one: list[intervals.Interval], other: list[intervals.Interval]
) -> None:
    first = {at for start, end in one for at in range(start, end)}
    second = {at for start, end in other for at in range(start, end)}
    expected = len(first & second) / len(first) if first else 1.0

    assert intervals.share_within(one, other) == pytest.approx(expected)


@given(INTERVALS)
def test_deepest_is_the_most_intervals_at_one_moment(
    given_intervals: list[intervals.Interval],
) -> None:
    depths = [sum(start <= at < end for start, end in given_intervals) for at in range(251)]

    assert intervals.deepest(given_intervals) == max(depths)


def test_chain_leaves_out_what_goes_back() -> None:
    pairs = [((0, 10), (50, 60)), ((10, 20), (0, 10)), ((20, 30), (60, 70))]

    assert intervals.longest_chain(pairs) == 20


def test_chain_counts_overlapping_references_once() -> None:
    pairs = [((0, 10), (0, 10)), ((12, 22), (5, 15))]

    assert intervals.longest_chain(pairs) == 15
