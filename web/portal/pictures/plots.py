"""View-models of the drawn charts: alignment plot, week chart, share bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.common.reading import read_clock
from web.portal.pictures.ribbon import DrawnSegment, ruler
from web.portal.pictures.waveform import Window
from web.portal.shared import formats

# Widths, heights and positions are in SVG units.
PLOT_WIDTH, PLOT_HEIGHT = 300, 200
LEFT, TOP = 40, 8
FOLD_MS = 30_000
FOLD_WIDTH = 12
# More strokes would leave the runs no room; those around the chosen one are drawn.
MAX_STROKES = 20
# Largest deviation of the speed that the summary calls normal.
STRAIGHT = 0.005
SAME_PART_MS = 1000

CHART_HEIGHT, CHART_BOTTOM, CHART_TOP = 160, 22, 8
SCALE_TOPS = (2, 4, 10, 20, 40, 60, 80, 100)
CHART_ROOM = CHART_HEIGHT - CHART_BOTTOM - CHART_TOP
BAR_SHARE = 0.3
EVERY_LABEL = 6
SHARE_ROW = 34


@dataclass(frozen=True, slots=True)
class Stroke:
    """One segment as a line: source time on x, reference time on y."""

    x1: str
    y1: str
    x2: str
    y2: str
    number: int
    is_current: bool
    label_x: str
    label_y: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text with its position."""

    x: str
    y: str
    text: str


@dataclass(frozen=True, slots=True)
class AlignmentPlot:
    """Everything the alignment plot template draws."""

    summary: str
    strokes: tuple[Stroke, ...]
    across: tuple[Label, ...]
    up: tuple[Label, ...]
    folds: tuple[str, ...]
    width: int = LEFT + PLOT_WIDTH + 12
    height: int = TOP + PLOT_HEIGHT + 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart."""

    x: str
    y: str
    width: str
    height: str
    series: int
    label: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class WeekChart:
    """Two series of counts per week with a shared zero baseline."""

    summary: str
    bars: tuple[Bar, ...]
    across: tuple[Label, ...]
    up: tuple[Label, ...]


def alignment_plot(
    *, segments: Sequence[DrawnSegment], current: int | None = None
) -> AlignmentPlot | None:
    """Draw a stroke per segment, folding source time over ``FOLD_MS`` between them.

    Returns None if no segment has a reference interval.
    """
    plotted_segments = sorted(
        (s for s in segments if s.reference_start_ms is not None and s.reference_end_ms),
        key=lambda segment: segment.start_ms,
    )
    if not plotted_segments:
        return None
    middle = max((current or 1) - 1 - MAX_STROKES // 2, 0)
    first = min(middle, max(len(plotted_segments) - MAX_STROKES, 0))
    drawn_segments = plotted_segments[first : first + MAX_STROKES]
    runs = _runs(drawn_segments)
    places, folds = _places(runs)
    top_ms = max(segment.reference_end_ms or 0 for segment in drawn_segments)
    strokes = tuple(
        _stroke(segment, places, top_ms, number, is_current=number == current)
        for number, segment in enumerate(drawn_segments, start=first + 1)
    )
    return AlignmentPlot(
        summary=_plot_summary(plotted_segments),
        strokes=strokes,
        across=tuple(
            Label(
                _number(_across(run[0].start_ms, places)),
                _number(TOP + PLOT_HEIGHT + 16),
                read_clock(run[0].start_ms),
            )
            for run in runs
        ),
        up=_up_labels(top_ms),
        folds=folds,
    )


def week_chart(rows: Sequence[Mapping[str, object]]) -> WeekChart:
    """Draw new and decided matches per week.

    Rows have label, new, decided, and the first and last day as begin and end.
    """
    counts = [(str(r["label"]), _count(r["new"]), _count(r["decided"])) for r in rows]
    highest = max((max(new, done) for _label, new, done in counts), default=0)
    rounded = (step for step in SCALE_TOPS if highest <= step)
    top = next(rounded, -(-highest // 100) * 100)
    slot = 100 / max(len(counts), 1)
    bars: list[Bar] = []
    across: list[Label] = []
    for index, (row, (label, new, done)) in enumerate(zip(rows, counts, strict=True)):
        slot_x = index * slot
        bars += [
            replace(
                _bar(slot_x, slot, top, series, value, label),
                query=f"?{name}_from={row.get('begin')}&{name}_until={row.get('end')}",
            )
            for series, value, name in ((1, new, "found"), (2, done, "decided"))
        ]
        if len(counts) <= EVERY_LABEL or index % 2:
            middle = f"{_number(slot_x + slot / 2)}%"
            across.append(Label(middle, _number(CHART_HEIGHT - 6), label))
    total_new = sum(new for _label, new, _done in counts)
    total_done = sum(done for _label, _new, done in counts)
    return WeekChart(
        summary=_("New: %(new)s. Decided: %(done)s. Weeks: %(weeks)s.")
        % {"new": total_new, "done": total_done, "weeks": len(counts)},
        bars=tuple(bars),
        across=tuple(across),
        up=tuple(
            Label("0", _number(CHART_TOP + CHART_ROOM * (1 - value / top)), str(value))
            for value in (0, top // 2, top)
        ),
    )


def _runs(segments: Sequence[DrawnSegment]) -> list[list[DrawnSegment]]:
    runs: list[list[DrawnSegment]] = []
    end_ms = 0
    for segment in segments:
        if runs and segment.start_ms - end_ms <= FOLD_MS:
            runs[-1].append(segment)
        else:
            runs.append([segment])
        end_ms = max(end_ms, segment.end_ms) if len(runs[-1]) > 1 else segment.end_ms
    return runs


def _places(
    runs: Sequence[Sequence[DrawnSegment]],
) -> tuple[list[tuple[Window, float, float]], tuple[str, ...]]:
    """Give each run its share of the width; return the places and x of the folds."""
    intervals = [Window(run[0].start_ms, max(segment.end_ms for segment in run)) for run in runs]
    room = PLOT_WIDTH - FOLD_WIDTH * (len(intervals) - 1)
    # Half of the width is shared evenly so that short runs stay readable.
    total = sum(interval.length_ms for interval in intervals)
    places: list[tuple[Window, float, float]] = []
    folds: list[str] = []
    x = float(LEFT)
    for index, interval in enumerate(intervals):
        width = room / 2 / len(intervals) + room / 2 * interval.length_ms / total
        places.append((interval, x, width))
        x += width
        if index < len(intervals) - 1:
            folds += [_number(x + 2), _number(x + FOLD_WIDTH - 2)]
            x += FOLD_WIDTH
    return places, tuple(folds)


def _across(at_ms: int, places: Sequence[tuple[Window, float, float]]) -> float:
    for interval, x, width in places:
        if interval.start_ms <= at_ms <= interval.end_ms:
            return x + width * interval.percent(at_ms) / 100
    raise ValueError(f"no run of the plot holds {at_ms} ms")


def _up(at_ms: int, top_ms: int) -> float:
    return TOP + PLOT_HEIGHT * (1 - at_ms / max(top_ms, 1))


def _stroke(
    segment: DrawnSegment,
    places: Sequence[tuple[Window, float, float]],
    top_ms: int,
    number: int,
    *,
    is_current: bool,
) -> Stroke:
    x1, x2 = _across(segment.start_ms, places), _across(segment.end_ms, places)
    y1 = _up(segment.reference_start_ms or 0, top_ms)
    y2 = _up(segment.reference_end_ms or 0, top_ms)
    return Stroke(
        x1=_number(x1),
        y1=_number(y1),
        x2=_number(x2),
        y2=_number(y2),
        number=number,
        is_current=is_current,
        label_x=_number((x1 + x2) / 2 - 8),
        label_y=_number((y1 + y2) / 2 - 6),
    )


def _up_labels(top_ms: int) -> tuple[Label, ...]:
    ticks = ruler(Window(0, max(top_ms, 1)))
    main_ticks = [tick for tick in ticks if not tick.fine]
    return tuple(
        Label(
            _number(LEFT - 6),
            _number(TOP + PLOT_HEIGHT * (1 - float(tick.x.rstrip("%")) / 100)),
            tick.label,
        )
        for tick in main_ticks
    )


def _plot_summary(segments: Sequence[DrawnSegment]) -> str:
    is_changed = False
    # The numbers of the segments that share over SAME_PART_MS of the reference.
    again: set[int] = set()
    for index, segment in enumerate(segments):
        source = segment.end_ms - segment.start_ms
        reference = (segment.reference_end_ms or 0) - (segment.reference_start_ms or 0)
        is_changed |= abs(reference / max(source, 1) - 1) > STRAIGHT
        for other_index, earlier in enumerate(segments[:index]):
            start = max(segment.reference_start_ms or 0, earlier.reference_start_ms or 0)
            end = min(segment.reference_end_ms or 0, earlier.reference_end_ms or 0)
            if end - start > SAME_PART_MS:
                again |= {index + 1, other_index + 1}
    pace = _("changed speed") if is_changed else _("normal speed")
    text = ngettext(
        "%(count)s segment, %(pace)s", "%(count)s segments, %(pace)s", len(segments)
    ) % {"count": len(segments), "pace": pace}
    if again:
        if len(again) > MAX_STROKES:
            text += "; " + _("%(count)s of them use the same parts") % {"count": len(again)}
        else:
            text += "; " + _("%(numbers)s use the same part") % {
                "numbers": ", ".join(str(number) for number in sorted(again))
            }
    return text


def _bar(slot_x: float, slot: float, top: int, series: int, value: int, label: str) -> Bar:
    height = CHART_ROOM * value / top
    width = slot * BAR_SHARE
    gap = slot * BAR_SHARE / 12
    x = slot_x + slot / 2 + (-width - gap if series == 1 else gap)
    name = _("new") if series == 1 else _("decided")
    return Bar(
        x=f"{x:.2f}%",
        y=_number(CHART_TOP + CHART_ROOM - height),
        width=f"{width:.2f}%",
        height=_number(height),
        series=series,
        label=_("%(label)s: %(value)s %(name)s") % {"label": label, "value": value, "name": name},
    )


def _count(value: object) -> int:
    return int(str(value))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@dataclass(frozen=True, slots=True)
class ShareBar:
    """One horizontal bar; ``width`` is a percentage of the longest."""

    name: str
    y: int
    width: str
    value_ms: int


@dataclass(frozen=True, slots=True)
class ShareChart:
    """Bars of matched time; the longest fills the width."""

    bars: tuple[ShareBar, ...]
    height: int
    summary: str


def share_bars(rows: Sequence[tuple[str, int]]) -> ShareChart | None:
    """Draw matched time (ms) by name; None if all is 0."""
    longest = max((value for _name, value in rows), default=0)
    if not longest:
        return None
    bars = tuple(
        ShareBar(name, SHARE_ROW * number, f"{100 * value / longest:.2f}%", value)
        for number, (name, value) in enumerate(rows)
    )
    first, value = max(rows, key=lambda row: row[1])
    return ShareChart(
        bars=bars,
        height=SHARE_ROW * len(bars),
        summary=ngettext(
            "%(count)d bar: %(name)s with %(time)s",
            "%(count)d bars; the longest is %(name)s with %(time)s",
            len(bars),
        )
        % {"count": len(bars), "name": first, "time": formats.spoken(value)},
    )
