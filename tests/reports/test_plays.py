"""The rule by which plays are counted."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reports.plays import JOIN_MS, plays_of
from review import intervals
from review.counting import count_segments
from scanning.models import Segment


def segment(start: int, end: int, reference: int, **options: object) -> Segment:
    return Segment(
        start_ms=start,
        end_ms=end,
        reference_start_ms=reference,
        reference_end_ms=reference + end - start,
        **options,
    )


def test_segments_close_together_split_by_speech_or_overlapping_are_one_play() -> None:
    plays = plays_of([segment(20_000 + JOIN_MS, 40_000, 90_000), segment(0, 20_000, 0)])
    assert [(play.start_ms, play.end_ms) for play in plays] == [(0, 40_000)]
    assert plays[0].sounding == [(0, 20_000), (20_000 + JOIN_MS, 40_000)]

    # The recording goes on under thirty seconds of speech.
    plays = plays_of([segment(10_000, 40_000, 0), segment(70_000, 100_000, 60_200)])
    assert [(play.start_ms, play.end_ms) for play in plays] == [(10_000, 100_000)]
    assert intervals.length(plays[0].sounding) == 60_000

    # A faster play goes on at its own speed.
    plays = plays_of(
        [
            segment(0, 30_000, 0, tempo_ratio="1.05"),
            segment(60_000, 90_000, 63_000, tempo_ratio="1.05"),
        ]
    )
    assert len(plays) == 1

    plays = plays_of([segment(0, 30_000, 0), segment(10_000, 40_000, 55_000)])
    assert [play.sounding for play in plays] == [[(0, 40_000)]]


def test_the_same_recording_again_is_another_play() -> None:
    plays = plays_of([segment(10_000, 40_000, 0), segment(70_000, 100_000, 0)])
    assert [play.start_ms for play in plays] == [10_000, 70_000]


def test_excluded_parts_of_the_recording_do_not_count() -> None:
    segments = [segment(0, 30_000, 0)]
    (play,) = plays_of(segments)
    count = count_segments(segments, {None: [(0, 10_000)]})
    assert play.counted(count) == [(10_000, 30_000)]
    assert play.excluded(count) == [(0, 10_000)]


_SEGMENTS = st.lists(
    st.tuples(st.integers(0, 600), st.integers(1, 120), st.integers(0, 300)).map(
        lambda numbers: segment(
            numbers[0] * 1000, (numbers[0] + numbers[1]) * 1000, numbers[2] * 1000
        )
    ),
    max_size=12,
)


@given(_SEGMENTS)
def test_no_moment_is_in_two_plays(segments: list[Segment]) -> None:
    plays = plays_of(segments)
    assert sum(len(play.segments) for play in plays) == len(segments)
    together = sum(intervals.length(play.sounding) for play in plays)
    whole = intervals.length((segment.start_ms, segment.end_ms) for segment in segments)
    assert together == whole
    assert all(a.start_ms <= b.start_ms for a, b in pairwise(plays))
