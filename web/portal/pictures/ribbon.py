"""View-models of the server-drawn pictures: ribbon, mini ribbon, coverage.

Input is plain numbers, output is strings for SVG attributes. Horizontal positions are
percentages, so the pictures fit any width without scripts or style attributes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby
from typing import TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.common.phrases import lowered
from base.common.reading import read_clock
from review.intervals import Interval
from web.portal.pictures.waveform import DrawnWaveform, WavePaths, Window, wave_paths
from web.portal.shared import formats
from web.portal.shared.appearance import pattern_fill, review_look

MAX_LANES = 8
# Folded lanes of more boxes are drawn when somebody asks for them.
MAX_FOLDED_BOXES = 100
# Of more segments in a lane or a row of a list, those close together are drawn as one.
MAX_BOXES = 60
MAX_MINI_BOXES = 50
MINI_PLACES = 10
# Minimum share of the plot, so that a short segment stays visible.
MIN_SEGMENT_PERCENT = 0.25
# Below this share, round corners would make a segment look like a lens.
NARROW_PERCENT = 0.8
RULER_LABELS = 13
PHONE_LABELS = 5
EDGE_PERCENT = 97.0
ZOOM_WINDOWS_MS = (300_000, 30_000)
RULER_STEPS_MS = (
    1000, 2000, 5000, 10_000, 15_000, 30_000,
    60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
    3_600_000, 7_200_000, 10_800_000, 21_600_000,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawnSegment:
    """One segment as the pictures need it."""

    start_ms: int
    end_ms: int
    state: str
    url: str = ""
    reference_start_ms: int | None = None
    reference_end_ms: int | None = None
    score: float | None = None
    key: str = ""
    excluded: Sequence[Interval] = ()
    """Intervals of the source in which the segment does not count."""


@dataclass(frozen=True, slots=True)
class Lane:
    """All segments of one recording, or of several under one name."""

    name: str
    segments: Sequence[DrawnSegment]
    url: str = ""
    is_current: bool = False
    recordings: int = 1


@dataclass(frozen=True, slots=True)
class DrawnInterval:
    """An interval of the source: speech, silence, no match, or a frame."""

    start_ms: int
    end_ms: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class FactLane:
    """A lane that states a fact about the source; ``kind`` chooses how it is drawn.

    Kinds: no_match, searched, speech, or one of a timeline.
    """

    name: str
    kind: str
    intervals: Sequence[DrawnInterval]


@dataclass(frozen=True, slots=True)
class Box:
    """A drawn interval: SVG attributes as strings, times for scripts and labels."""

    x: str
    width: str
    x2: str
    start_ms: int
    end_ms: int
    state: str = ""
    fill: str = ""
    label: str = ""
    url: str = ""
    key: str = ""
    corner: str = "2"


@dataclass(frozen=True, slots=True)
class DrawnLane:
    """A lane ready for the template; ``excluded`` is drawn over the boxes."""

    name: str
    boxes: tuple[Box, ...]
    excluded: tuple[Box, ...] = ()
    url: str = ""
    kind: str = ""
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark of the ruler; narrow screens hide ``fine`` ones."""

    x: str
    label: str
    place: str
    fine: bool


@dataclass(frozen=True, slots=True)
class Zoom:
    """One choice of the window's length."""

    label: str
    query: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Ribbon:
    """Everything the ribbon template draws."""

    title: str
    summary: str
    duration_ms: int
    window: Window
    ticks: tuple[Tick, ...]
    wave: WavePaths | None
    lanes: tuple[DrawnLane, ...]
    folded: tuple[DrawnLane, ...]
    undrawn: int
    is_open: bool
    facts: tuple[DrawnLane, ...]
    zooms: tuple[Zoom, ...]
    frame: Box | None = None

    @property
    def is_zoomed(self) -> bool:
        """Tell whether the window is shorter than the file."""
        return self.window.length_ms < self.duration_ms

    @property
    def earlier_query(self) -> str:
        """Return the query of the previous window; empty at the start."""
        return self._shifted(-self.window.length_ms)

    @property
    def later_query(self) -> str:
        """Return the query of the next window; empty at the end."""
        return self._shifted(self.window.length_ms)

    def _shifted(self, by_ms: int) -> str:
        last = max(self.duration_ms - self.window.length_ms, 0)
        start = min(max(self.window.start_ms + by_ms, 0), last)
        if start == self.window.start_ms:
            return ""
        return _window_query(start, start + self.window.length_ms)


@dataclass(frozen=True, slots=True)
class CoveragePart:
    """The source time of one kind, and its share of the whole."""

    state: str
    ms: int
    pct: Decimal


@dataclass(frozen=True, slots=True)
class CoverageItem:
    """One section of the coverage bar with its legend text."""

    box: Box
    label: str | Promise
    share: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """The coverage bar: sections in order, the rest, and a text for screen readers."""

    items: tuple[CoverageItem, ...]
    matched_ms: int
    matched_share: str
    rest_label: str
    rest_share: str
    summary: str


@dataclass(frozen=True, slots=True)
class MiniRibbon:
    """The small ribbon of a list row, all of whose segments have one state."""

    title: str
    state: str
    fill: str
    boxes: tuple[Box, ...] = field(default_factory=tuple)
    excluded: tuple[Box, ...] = ()


def ribbon(
    *,
    duration_ms: int,
    lanes: Sequence[Lane],
    facts: Sequence[FactLane] = (),
    waveform: DrawnWaveform | None = None,
    window: Window | None = None,
    frame: DrawnInterval | None = None,
    all_lanes: bool = False,
) -> Ribbon:
    """Draw the ribbon of a file, or of a window of it.

    ``all_lanes`` draws and opens folded lanes, however many boxes they have.
    """
    visible = _clamped(window, duration_ms)
    drawn = tuple(_lane(lane, visible) for lane in lanes)
    folded = drawn[MAX_LANES:]
    are_many = sum(len(lane.boxes) for lane in folded) > MAX_FOLDED_BOXES and not all_lanes
    return Ribbon(
        title=_("Matches along the file"),
        summary=_ribbon_summary(lanes, duration_ms),
        duration_ms=duration_ms,
        window=visible,
        ticks=ruler(visible),
        wave=wave_paths(waveform, window=visible, duration_ms=duration_ms),
        lanes=drawn[:MAX_LANES],
        folded=() if are_many else folded,
        undrawn=len(folded) if are_many else 0,
        is_open=all_lanes,
        facts=tuple(
            DrawnLane(fact.name, _interval_boxes(fact.intervals, visible), kind=fact.kind)
            for fact in facts
            if fact.intervals
        ),
        zooms=_zooms(visible, duration_ms),
        frame=box(frame.start_ms, frame.end_ms, visible) if frame else None,
    )


def mini_ribbon(*, duration_ms: int, segments: Sequence[DrawnSegment], state: str) -> MiniRibbon:
    """Draw the segments within the source, for a table row."""
    window = Window(0, max(duration_ms, 1))
    groups = _grouped(segments, window, MAX_MINI_BOXES, _state)
    boxes = tuple(_segment_box(_joined(group), window, "") for group in groups)
    places = ", ".join(read_clock(segment.start_ms) for segment in segments[:MINI_PLACES])
    values = {"places": places or formats.UNKNOWN, "length": read_clock(duration_ms)}
    title = _("Plays at %(places)s of %(length)s") % values
    more = len(segments) - MINI_PLACES
    if more > 0:
        title = ngettext(
            "Plays at %(places)s and %(count)s other place of %(length)s",
            "Plays at %(places)s and %(count)s other places of %(length)s",
            more,
        ) % {**values, "count": more}
    excluded = _excluded(segments, window)
    return MiniRibbon(title, state, pattern_fill(state), boxes, excluded)


def coverage(
    *,
    duration_ms: int,
    parts: Sequence[CoveragePart],
    matched: CoveragePart,
    unmatched: CoveragePart,
) -> Coverage:
    """Draw how much of the source each kind covers, in the order given, and the rest.

    The ``state`` of the rest is its label.
    """
    window = Window(0, max(duration_ms, 1))
    items: list[CoverageItem] = []
    at_ms = 0
    for part in parts:
        if part.ms > 0:
            drawn = box(at_ms, at_ms + part.ms, window, state=part.state)
            share = formats.file_share(part.pct)
            items.append(CoverageItem(drawn, review_look(part.state).label, share))
            at_ms += part.ms
    rest_share = formats.file_share(unmatched.pct)
    words = [f"{item.label} {item.share}" for item in items]
    words.append(f"{unmatched.state} {rest_share}")
    return Coverage(
        items=tuple(items),
        matched_ms=matched.ms,
        matched_share=formats.file_share(matched.pct),
        rest_label=unmatched.state,
        rest_share=rest_share,
        summary=", ".join(words),
    )


def ruler(window: Window) -> tuple[Tick, ...]:
    """Return marks at round times, at most about ``RULER_LABELS`` of them."""
    step = next(
        (step for step in RULER_STEPS_MS if window.length_ms / step <= RULER_LABELS),
        RULER_STEPS_MS[-1] * -(-window.length_ms // (RULER_STEPS_MS[-1] * RULER_LABELS)),
    )
    first = -(-window.start_ms // step) * step
    times = range(first, window.end_ms + 1, step)
    every = -(-len(times) // PHONE_LABELS)
    ticks = []
    for index, at_ms in enumerate(times):
        share = window.percent(at_ms)
        # A label at the very end would leave the plot or overlap its neighbour.
        label = "" if share > EDGE_PERCENT else read_clock(at_ms)
        place = "first" if share < 1 else ""
        ticks.append(Tick(_share(share), label, place, fine=index % every != 0))
    return tuple(ticks)


def _clamped(window: Window | None, duration_ms: int) -> Window:
    if window is None or window.end_ms <= window.start_ms:
        return Window(0, max(duration_ms, 1))
    start = min(max(window.start_ms, 0), max(duration_ms - 1, 0))
    return Window(start, min(max(window.end_ms, start + 1), max(duration_ms, 1)))


def _zooms(window: Window, duration_ms: int) -> tuple[Zoom, ...]:
    lengths = [length for length in ZOOM_WINDOWS_MS if length < duration_ms]
    if not lengths:
        return ()
    zooms = [Zoom(_("Whole file"), "", window.length_ms >= duration_ms)]
    middle = (window.start_ms + window.end_ms) // 2 if window.start_ms else 0
    for length_ms in lengths:
        start = min(max(middle - length_ms // 2, 0), duration_ms - length_ms)
        label = (
            _("%(count)s min") % {"count": length_ms // 60_000}
            if length_ms >= 60_000
            else _("%(count)s s") % {"count": length_ms // 1000}
        )
        query = _window_query(start, start + length_ms)
        zooms.append(Zoom(label, query, window.length_ms == length_ms))
    return tuple(zooms)


def _window_query(start_ms: int, end_ms: int) -> str:
    return f"from={start_ms}&to={end_ms}"


def _lane(lane: Lane, window: Window) -> DrawnLane:
    shown = [
        (segment, number)
        for number, segment in enumerate(lane.segments, start=1)
        if window.shows(segment.start_ms, segment.end_ms)
    ]
    count = len(lane.segments)
    numbers = {id(segment): number for segment, number in shown}
    boxes = []
    for group in _grouped([segment for segment, _number in shown], window, MAX_BOXES, _state):
        first = group[0]
        label = (
            _group_label(group, lane.name)
            if len(group) > 1
            else _segment_label(first, lane.name, numbers[id(first)], count)
        )
        boxes.append(_segment_box(_joined(group), window, label))
    excluded = _excluded(lane.segments, window)
    return DrawnLane(lane.name, tuple(boxes), excluded, url=lane.url, is_current=lane.is_current)


_Drawn = TypeVar("_Drawn", DrawnSegment, DrawnInterval)


def _grouped(
    pieces: Sequence[_Drawn], window: Window, most: int, sort: Callable[[_Drawn], str]
) -> list[list[_Drawn]]:
    """Return pieces in groups that are drawn as one each, with at most ``most`` places.

    Few pieces stay alone; of many, those of one sort share a place.
    """
    if len(pieces) <= most:
        return [[piece] for piece in pieces]

    def place(piece: _Drawn) -> tuple[int, str]:
        return int(window.percent(piece.start_ms) * most / 100), sort(piece)

    return [list(group) for _place, group in groupby(sorted(pieces, key=place), key=place)]


def _state(segment: DrawnSegment) -> str:
    return segment.state


def _joined(group: Sequence[DrawnSegment]) -> DrawnSegment:
    """Return the first segment of a group, as long as the group."""
    return replace(group[0], end_ms=max(segment.end_ms for segment in group))


def _excluded(segments: Iterable[DrawnSegment], window: Window) -> tuple[Box, ...]:
    """Return the intervals in which segments do not count."""
    intervals = [
        DrawnInterval(start, end) for segment in segments for start, end in segment.excluded
    ]
    return _interval_boxes(intervals, window)


def _interval_boxes(intervals: Iterable[DrawnInterval], window: Window) -> tuple[Box, ...]:
    shown = [piece for piece in intervals if window.shows(piece.start_ms, piece.end_ms)]
    return tuple(
        box(
            group[0].start_ms,
            max(interval.end_ms for interval in group),
            window,
            label=group[0].label,
        )
        for group in _grouped(shown, window, MAX_BOXES, _label)
    )


def _label(interval: DrawnInterval) -> str:
    return interval.label


def _segment_box(segment: DrawnSegment, window: Window, label: str) -> Box:
    return box(
        segment.start_ms,
        segment.end_ms,
        window,
        state=segment.state,
        label=label,
        link=(segment.url, segment.key),
    )


def box(
    start_ms: int,
    end_ms: int,
    window: Window,
    *,
    state: str = "",
    label: str = "",
    link: tuple[str, str] = ("", ""),
) -> Box:
    start, end = window.percent(start_ms), window.percent(end_ms)
    width = max(end - start, MIN_SEGMENT_PERCENT)
    start = min(start, 100 - width)
    url, key = link
    return Box(
        x=_share(start),
        width=_share(width),
        x2=_share(start + width),
        start_ms=start_ms,
        end_ms=end_ms,
        state=state,
        fill=pattern_fill(state),
        label=label,
        url=url,
        key=key,
        corner="2" if width > NARROW_PERCENT else "0.5",
    )


def _segment_label(segment: DrawnSegment, name: str, number: int, count: int) -> str:
    parts = [
        name,
        _("segment %(number)s of %(count)s") % {"number": number, "count": count},
        _("source %(start)s to %(end)s")
        % {"start": formats.spoken(segment.start_ms), "end": formats.spoken(segment.end_ms)},
    ]
    if segment.reference_start_ms is not None and segment.reference_end_ms is not None:
        start = formats.spoken(segment.reference_start_ms)
        end = formats.spoken(segment.reference_end_ms)
        parts.append(_("reference %(start)s to %(end)s") % {"start": start, "end": end})
    if segment.score is not None:
        parts.append(_("score %(score)s") % {"score": round(segment.score)})
    parts.append(lowered(review_look(segment.state).label))
    parts += [
        _("excluded from %(start)s to %(end)s")
        % {"start": formats.spoken(start), "end": formats.spoken(end)}
        for start, end in segment.excluded
    ]
    return ", ".join(parts)


def _group_label(group: Sequence[DrawnSegment], name: str) -> str:
    parts = [
        name,
        ngettext("%(count)s segment", "%(count)s segments", len(group)) % {"count": len(group)},
        _("source %(start)s to %(end)s")
        % {
            "start": formats.spoken(group[0].start_ms),
            "end": formats.spoken(max(segment.end_ms for segment in group)),
        },
        lowered(review_look(group[0].state).label),
    ]
    return ", ".join(parts)


def _ribbon_summary(lanes: Sequence[Lane], duration_ms: int) -> str:
    if not lanes:
        return _("The picture shows %(length)s without a match.") % {
            "length": formats.spoken(duration_ms)
        }
    count = sum(len(lane.segments) for lane in lanes)
    total = sum(lane.recordings for lane in lanes)
    recordings = ngettext("%(count)s recording", "%(count)s recordings", total)
    segments = ngettext("%(count)s segment", "%(count)s segments", count)
    return _("%(recordings)s, %(segments)s in %(length)s.") % {
        "recordings": recordings % {"count": total},
        "segments": segments % {"count": count},
        "length": formats.spoken(duration_ms),
    }


def _share(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"
