"""Pictures: positions, minimum widths, folding, windows, and text alternatives."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from web.portal.pictures import ribbon, waveform
from web.portal.pictures.ribbon import CoveragePart, DrawnInterval, DrawnSegment, FactLane, Lane
from web.portal.pictures.waveform import DrawnWaveform, Window

MINUTE = 60_000


def lane(name: str, *intervals: tuple[int, int], state: str = "pending") -> Lane:
    return Lane(name, [DrawnSegment(start, end, state) for start, end in intervals])


def share(text: str) -> float:
    assert text.endswith("%")
    return float(text[:-1])


def test_segment_lies_where_its_time_is_and_stays_visible() -> None:
    drawn = ribbon.ribbon(duration_ms=1000, lanes=[lane("A", (250, 500))])
    box = drawn.lanes[0].boxes[0]
    assert (box.x, box.width, box.x2) == ("25%", "25%", "50%")

    drawn = ribbon.ribbon(duration_ms=97_200_000, lanes=[lane("A", (97_199_000, 97_200_000))])
    box = drawn.lanes[0].boxes[0]
    assert share(box.width) == ribbon.MIN_SEGMENT_PERCENT
    assert share(box.x) + share(box.width) <= 100


def test_segment_says_where_it_is_in_words() -> None:
    segment = DrawnSegment(
        696_000,
        720_000,
        "in_review",
        reference_start_ms=52_000,
        reference_end_ms=76_000,
        score=90.6,
    )

    drawn = ribbon.ribbon(duration_ms=MINUTE * 24, lanes=[Lane("Glass", [segment])])

    assert drawn.lanes[0].boxes[0].label == (
        "Glass, segment 1 of 1, source 11 min 36 s to 12 min, "
        "reference 52 s to 1 min 16 s, score 91, in review"
    )


def test_lanes_beyond_eight_are_folded() -> None:
    lanes = [lane(f"L{number}", (0, 100)) for number in range(40)]

    drawn = ribbon.ribbon(duration_ms=1000, lanes=lanes)

    assert (len(drawn.lanes), len(drawn.folded)) == (8, 32)


def test_many_segments_are_drawn_together_where_they_lie() -> None:
    day = 24 * 60 * MINUTE
    plays = [(at, at + 9_000) for at in range(0, day - 9_000, 2 * MINUTE)]

    drawn = ribbon.ribbon(
        duration_ms=day,
        lanes=[lane("Jingle", *plays)],
        facts=[FactLane("", "no_match", [DrawnInterval(*play) for play in plays])],
    )

    boxes = drawn.lanes[0].boxes
    assert len(boxes) == ribbon.MAX_BOXES == len(drawn.facts[0].boxes)
    assert boxes[0].label == "Jingle, 12 segments, source 0 s to 22 min 9 s, pending"
    # None begins before the one before it ends, and together they reach from end to end.
    assert all(box.end_ms < other_box.start_ms for box, other_box in pairwise(boxes))
    assert (boxes[0].start_ms, boxes[-1].end_ms) == (plays[0][0], plays[-1][1])
    # In a shorter window each is there again.
    near = ribbon.ribbon(
        duration_ms=day, lanes=[lane("Jingle", *plays)], window=Window(0, 30 * MINUTE)
    )
    assert [box.start_ms for box in near.lanes[0].boxes] == [start for start, _end in plays[:15]]


def test_many_folded_lanes_are_drawn_when_somebody_asks() -> None:
    lanes = [lane(f"L{n}", *((at, at + 1) for at in range(0, 800, 40))) for n in range(14)]

    drawn = ribbon.ribbon(duration_ms=1000, lanes=lanes)
    opened = ribbon.ribbon(duration_ms=1000, lanes=lanes, all_lanes=True)

    assert (len(drawn.lanes), drawn.folded, drawn.undrawn) == (8, (), 6)
    assert (len(opened.folded), opened.undrawn, opened.is_open) == (6, 0, True)


def test_window_keeps_only_what_it_shows_inside_the_file() -> None:
    drawn = ribbon.ribbon(
        duration_ms=10 * MINUTE,
        lanes=[lane("A", (0, 1000), (5 * MINUTE, 6 * MINUTE))],
        window=Window(5 * MINUTE, 7 * MINUTE),
    )
    (box,) = drawn.lanes[0].boxes
    assert "segment 2 of 2" in box.label
    assert (box.x, box.width) == ("0%", "50%")
    assert drawn.is_zoomed

    first = ribbon.ribbon(duration_ms=10 * MINUTE, lanes=[], window=Window(0, 5 * MINUTE))
    assert first.earlier_query == ""
    assert first.later_query == f"from={5 * MINUTE}&to={10 * MINUTE}"
    for window in (Window(900, 100), Window(-500, 99_999_999), Window(5000, 5000)):
        drawn = ribbon.ribbon(duration_ms=1000, lanes=[], window=window)
        assert 0 <= drawn.window.start_ms < drawn.window.end_ms <= 1000, window


def test_facts_without_intervals_get_no_lane() -> None:
    facts = [
        FactLane("No match", "no_match", [DrawnInterval(0, 10)]),
        FactLane("Speech", "speech", []),
    ]

    drawn = ribbon.ribbon(duration_ms=100, lanes=[], facts=facts)

    assert [fact.kind for fact in drawn.facts] == ["no_match"]


def test_empty_file_does_not_divide_by_zero() -> None:
    drawn = ribbon.ribbon(duration_ms=0, lanes=[], waveform=DrawnWaveform([], []))

    assert drawn.wave is None


def test_patterned_states_fill_with_their_pattern() -> None:
    states = ["pending", "confirmed", "released", "in_review"]
    lanes = [lane(state, (0, 100), state=state) for state in states]

    drawn = ribbon.ribbon(duration_ms=100, lanes=lanes)

    fills = {lane.name: lane.boxes[0].fill for lane in drawn.lanes}
    assert fills == {
        "pending": "url(#pat-pending)",
        "confirmed": "",
        "released": "url(#pat-rejected)",
        "in_review": "",
    }


def test_coverage_parts_follow_each_other_and_the_rest_is_named() -> None:
    drawn = ribbon.coverage(
        duration_ms=1000,
        parts=[
            CoveragePart("confirmed", 200, Decimal("20.00")),
            CoveragePart("pending", 0, Decimal(0)),
            CoveragePart("cleared", 50, Decimal("5.00")),
        ],
        matched=CoveragePart("", 250, Decimal("25.00")),
        unmatched=CoveragePart("No match", 750, Decimal("75.00")),
    )

    assert [item.box.x for item in drawn.items] == ["0%", "20%"]
    assert drawn.matched_ms == 250
    assert drawn.summary.endswith("No match 75.00\u2009%")


def test_waveform_draws_peaks_above_body() -> None:
    paths = waveform.wave_paths(DrawnWaveform([255] * 10, [64] * 10))
    assert paths is not None
    assert paths.points == 9
    assert _points(paths.peaks) == [
        *((x, 4) for x in range(10)),
        *((x, 196) for x in range(9, -1, -1)),
    ]
    assert {y for _x, y in _points(paths.body)} == {76, 124}

    # Both halves follow the sound.
    paths = waveform.wave_paths(DrawnWaveform([255, 0, 128], [0, 0, 0]))
    assert paths is not None
    assert _points(paths.peaks) == [(0, 4), (1, 99), (2, 52), (2, 148), (1, 101), (0, 196)]

    # One value still has a width.
    paths = waveform.wave_paths(DrawnWaveform([10], [5]))
    assert paths is not None
    assert max(x for x, _y in _points(paths.peaks)) == 1

    # A long one is reduced without losing its loudest point.
    peaks = [1] * 50_000
    peaks[31_234] = 255
    paths = waveform.wave_paths(DrawnWaveform(peaks, [0] * 50_000))
    assert paths is not None
    assert paths.points == waveform.MAX_WAVE_POINTS - 1
    assert min(y for _x, y in _points(paths.peaks)) == 4


def _points(path: str) -> list[tuple[int, int]]:
    """Return the points of a path of one place, steps, a line downwards, and steps."""
    drawn = re.fullmatch(r"M(\d+) (\d+)l([^v]+)v(\d+)l([^z]+)z", path)
    assert drawn is not None, path
    x, y, there, down, back = drawn.groups()
    points = [(int(x), int(y))]
    for steps in (there, f"0+{down}", back):
        for across, along in re.findall(r"(-?\d+)([+-]\d+)", steps):
            points.append((points[-1][0] + int(across), points[-1][1] + int(along)))
    return points


@given(st.integers(min_value=1, max_value=200 * 3_600_000))
def test_ruler_is_never_crowded_and_starts_at_the_window(duration_ms: int) -> None:
    ticks = ribbon.ruler(Window(0, duration_ms))

    assert 1 <= len(ticks) <= ribbon.RULER_LABELS + 1
    assert sum(not tick.fine for tick in ticks) <= ribbon.PHONE_LABELS
    assert ticks[0].x == "0%"


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 10_000)), max_size=20),
    st.integers(min_value=1, max_value=20_000),
)
def test_no_box_ever_leaves_the_plot(plays: list[tuple[int, int]], duration_ms: int) -> None:
    intervals = [(start, start + length) for start, length in plays]

    drawn = ribbon.ribbon(duration_ms=duration_ms, lanes=[lane("A", *intervals)])

    for box in drawn.lanes[0].boxes:
        assert share(box.x) >= 0
        assert share(box.x) + share(box.width) <= 100.001
