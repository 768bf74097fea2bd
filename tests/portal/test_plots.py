"""Charts: folded gaps, summary text, bars on a common baseline."""

from __future__ import annotations

from web.portal.pictures import plots
from web.portal.pictures.ribbon import DrawnSegment


def play(start: int, end: int, ref_start: int, ref_end: int) -> DrawnSegment:
    return DrawnSegment(
        start, end, "pending", reference_start_ms=ref_start, reference_end_ms=ref_end
    )


def test_plot_folds_gaps_over_thirty_seconds() -> None:
    apart = [play(0, 10_000, 0, 10_000), play(600_000, 610_000, 0, 10_000)]
    plot = plots.alignment_plot(segments=apart)
    assert plot is not None
    assert len(plot.folds) == 2
    assert [label.text for label in plot.across] == ["0:00", "10:00"]

    close = [play(0, 10_000, 0, 10_000), play(20_000, 30_000, 20_000, 30_000)]
    plot = plots.alignment_plot(segments=close)
    assert plot is not None
    assert plot.folds == ()
    assert plot.summary == "2 segments, normal speed"


def test_plot_names_changed_speed_and_repeated_parts() -> None:
    plays = [play(0, 10_000, 0, 10_300), play(60_000, 70_000, 0, 10_300)]

    plot = plots.alignment_plot(segments=plays, current=2)

    assert plot is not None
    assert plot.summary == "2 segments, changed speed; 1, 2 use the same part"
    assert [stroke.is_current for stroke in plot.strokes] == [False, True]


def test_plot_of_many_segments_draws_those_around_the_chosen_one() -> None:
    plays = [play(at, at + 9_000, 0, 9_000) for at in range(0, 60_000_000, 100_000)]

    for current, drawn in ((1, (1, 20)), (300, (290, 309)), (600, (581, 600))):
        plot = plots.alignment_plot(segments=plays, current=current)
        assert plot is not None
        assert (plot.strokes[0].number, plot.strokes[-1].number) == drawn
        assert [stroke.number for stroke in plot.strokes if stroke.is_current] == [current]
        places = [float(stroke.x1) for stroke in plot.strokes]
        assert places == sorted(places)
        assert plots.LEFT <= places[0] < places[-1] <= plots.LEFT + plots.PLOT_WIDTH
        assert plot.summary == "600 segments, normal speed; 600 of them use the same parts"


def test_plot_rises_with_the_reference() -> None:
    plot = plots.alignment_plot(segments=[play(0, 10_000, 0, 10_000)])

    assert plot is not None
    stroke = plot.strokes[0]
    assert float(stroke.y2) < float(stroke.y1)
    assert float(stroke.x2) > float(stroke.x1)


def test_plot_of_segments_inside_one_another_still_draws() -> None:
    plays = [
        play(0, 90_000, 0, 90_000),
        play(1_000, 2_000, 5_000, 6_000),
        play(80_000, 95_000, 0, 15_000),
    ]

    plot = plots.alignment_plot(segments=plays)

    assert plot is not None
    assert plot.folds == ()
    assert [label.text for label in plot.across] == ["0:00"]
    starts = [float(stroke.x1) for stroke in plot.strokes]
    ends = [float(stroke.x2) for stroke in plot.strokes]
    assert starts == sorted(starts)
    assert ends[1] < ends[0] < ends[2]


def test_plot_without_reference_times_is_none() -> None:
    assert plots.alignment_plot(segments=[DrawnSegment(0, 1000, "pending")]) is None


def test_week_bars_share_a_zero_baseline() -> None:
    chart = plots.week_chart(
        [{"label": "W1", "new": 10, "decided": 5}, {"label": "W2", "new": 0, "decided": 0}]
    )

    feet = {round(float(bar.y) + float(bar.height), 1) for bar in chart.bars}
    assert len(feet) == 1
    assert chart.summary == "New: 10. Decided: 5. Weeks: 2."


def test_week_chart_without_weeks_draws_an_axis_only() -> None:
    chart = plots.week_chart([])

    assert chart.bars == ()
    assert [label.text for label in chart.up] == ["0", "1", "2"]
