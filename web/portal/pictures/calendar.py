"""View-model of moments over calendar time, with one lane per place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from base.common.reading import read_date
from web.portal.pictures.ribbon import EDGE_PERCENT, MAX_LANES, Box, DrawnLane, Tick

# A mark is at least this wide, and moments that are nearer share one.
_COLUMNS = 160
_LABELS = 6
_PHONE_EVERY = 3
_SHORTEST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """Something in a lane at a time; ``count`` tells how often."""

    lane: str
    at: datetime
    label: str
    url: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Calendar:
    """Everything that the template of the calendar draws."""

    ticks: tuple[Tick, ...]
    lanes: tuple[DrawnLane, ...]
    folded: tuple[DrawnLane, ...]
    begin: datetime
    end: datetime


def calendar(moments: Sequence[Moment]) -> Calendar | None:
    """Draw moments, the lanes with most first; None if there are none."""
    if not moments:
        return None
    begin = min(moment.at for moment in moments)
    end = max(moment.at for moment in moments)
    # Room at both ends, so that no mark leaves the plot.
    room = max((end - begin) / 40, (_SHORTEST - (end - begin)) / 2, timedelta(0))
    begin, end = begin - room, end + room
    lanes: dict[str, list[Moment]] = defaultdict(list)
    for moment in moments:
        lanes[moment.lane].append(moment)
    order = sorted(lanes, key=lambda name: (-sum(moment.count for moment in lanes[name]), name))
    drawn = tuple(_lane(name, lanes[name], begin, end) for name in order)
    return Calendar(_ticks(begin, end), drawn[:MAX_LANES], drawn[MAX_LANES:], begin, end)


def _lane(name: str, moments: Sequence[Moment], begin: datetime, end: datetime) -> DrawnLane:
    columns: dict[int, list[Moment]] = defaultdict(list)
    for moment in moments:
        columns[int(_COLUMNS * (moment.at - begin) / (end - begin))].append(moment)
    boxes = tuple(_box(column, columns[column]) for column in sorted(columns))
    return DrawnLane(name, boxes)


def _box(column: int, moments: Sequence[Moment]) -> Box:
    width = 100 / _COLUMNS
    latest = max(moments, key=lambda moment: moment.at)
    return Box(
        x=f"{column * width:.3f}%",
        width=f"{width * 0.8:.3f}%",
        x2=f"{(column + 0.8) * width:.3f}%",
        start_ms=0,
        end_ms=0,
        state="heard",
        label="; ".join(moment.label for moment in moments),
        url=latest.url,
        corner="1",
    )


def _ticks(begin: datetime, end: datetime) -> tuple[Tick, ...]:
    """Return marks at midnights, at most about ``_LABELS`` of them."""
    first = timezone.localtime(begin).replace(hour=0, minute=0, second=0, microsecond=0)
    days = max((end - first).days, 1)
    step = timedelta(days=-(-days // _LABELS))
    ticks = []
    day, number = first + timedelta(days=1), 0
    while day <= end:
        share = 100 * (day - begin) / (end - begin)
        label = "" if share > EDGE_PERCENT else read_date(day, "short")
        place = "first" if share < 1 else ""
        ticks.append(Tick(f"{share:.3f}%", label, place, fine=number % _PHONE_EVERY > 0))
        day, number = day + step, number + 1
    return tuple(ticks)
