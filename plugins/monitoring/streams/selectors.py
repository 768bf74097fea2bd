"""Reading streams: current plays, a day, the log, searched times, alarms.

All rows are within the viewer's access limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery

from base.accounts.reach import working_for
from catalogue.models import Recording
from plugins.monitoring.streams.choices import HEARING, AirplayState, GapCause, StreamState
from plugins.monitoring.streams.models import (
    Airplay,
    Station,
    Stream,
    StreamAlarm,
    StreamGap,
    StreamHour,
    StreamRun,
    StreamTitle,
)
from review.intervals import union
from scanning.choices import SourceType
from scanning.models import ScannedFile
from scanning.uses import FileAiring

# A title belongs to a play that begins this much later or earlier.
_TITLE_BEFORE = timedelta(seconds=60)
# Two clocks differ by more than shorter times between a run and a gap.
_INACCURACY = timedelta(milliseconds=50)


Span = tuple[datetime, datetime]


class HourState(StrEnum):
    """What is known of an hour of a day."""

    FUTURE = "hour_future"
    LIVE = "hour_live"
    SETTLED = "hour_settled"
    EMPTY = "hour_empty"
    """Nothing was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayHour:
    """One hour of a day, with all that touches it; ``files`` are the scanned windows.

    ``searched`` may reach beyond the hour.
    """

    starts_at: datetime
    ends_at: datetime
    plays: tuple[Airplay, ...]
    gaps: tuple[StreamGap, ...]
    silences: tuple[StreamGap, ...]
    titles: tuple[StreamTitle, ...]
    searched: tuple[Span, ...]
    files: tuple[ScannedFile, ...]
    state: HourState


@dataclass(frozen=True, slots=True, kw_only=True)
class DayView:
    """A day of a stream in the zone of its station: 23 to 25 hours."""

    stream: Stream
    day: date
    hours: tuple[DayHour, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCoverage:
    """How much of a time was searched: milliseconds that add up to its length.

    ``unaccounted_ms`` is 0 once the hours are settled.
    """

    searched_ms: int
    gap_ms: int
    unaccounted_ms: int


def list_stations() -> QuerySet[Station]:
    return Station.objects.order_by("name")


def list_streams() -> QuerySet[Stream]:
    """Return the streams that are not deleted, by station and name."""
    rows = Stream.objects.present().select_related("station", "container")
    return rows.order_by("station__name", "name", "pk")


def logged_streams() -> QuerySet[Stream]:
    """Return the streams whose plays are listed: those of deleted ones stay."""
    return Stream.objects.filter(container__deleted_at__isnull=True)


def heard_streams() -> QuerySet[Stream]:
    """Return the streams that send sound."""
    return Stream.objects.present().filter(enabled=True, state__in=HEARING)


def shown_plays() -> QuerySet[Airplay]:
    """Return the plays that were not withdrawn, with what lists show of them."""
    rows = Airplay.objects.exclude(state=AirplayState.WITHDRAWN)
    return rows.select_related("stream__station", "run", "recording__bucket", "segment")


def now_playing(stream: Stream | None = None) -> QuerySet[Airplay]:
    """Return the plays that go on, of one stream or of all, the latest first."""
    rows = shown_plays().filter(state=AirplayState.PLAYING, stream__in=heard_streams())
    if stream is not None:
        rows = rows.filter(stream=stream)
    return rows.order_by("-starts_at", "-pk")


def log(
    *,
    streams: Iterable[Stream] | None = None,
    from_at: datetime | None = None,
    until: datetime | None = None,
    recording: Recording | None = None,
    states: Sequence[AirplayState] = (),
) -> QuerySet[Airplay]:
    """Return the plays that begin in a time, in order, with the title sent then.

    ``title_text`` is what the server said closest before the play began, or up to a
    minute after; None without one. Withdrawn plays come only where ``states`` asks.
    """
    rows = (
        Airplay.objects.filter(state__in=states).select_related(
            "stream__station", "run", "recording__bucket", "segment"
        )
        if states
        else shown_plays()
    )
    if streams is not None:
        rows = rows.filter(stream__in=[stream.pk for stream in streams])
    if from_at is not None:
        rows = rows.filter(starts_at__gte=from_at)
    if until is not None:
        rows = rows.filter(starts_at__lt=until)
    if recording is not None:
        rows = rows.filter(recording=recording)
    titles = StreamTitle.objects.filter(
        stream=OuterRef("stream"), at__lt=OuterRef("starts_at") + _TITLE_BEFORE
    ).order_by("-at", "-pk")
    rows = rows.annotate(title_text=Subquery(titles.values("text")[:1]))
    return rows.order_by("starts_at", "pk")


def day(stream: Stream, on: date, *, now: datetime | None = None) -> DayView:
    """Return a day of a stream, hour by hour, in the zone of its station."""
    zone = ZoneInfo(stream.station.time_zone)
    begin = datetime.combine(on, time(), tzinfo=zone)
    end = datetime.combine(on + timedelta(days=1), time(), tzinfo=zone)
    now = now or datetime.now(tz=zone)
    within = Q(starts_at__lt=end, ends_at__gt=begin)
    plays = list(shown_plays().filter(within, stream=stream).order_by("starts_at"))
    gaps = list(StreamGap.objects.filter(within, stream=stream))
    windows = list(StreamHour.objects.filter(within, stream=stream).select_related("scanned_file"))
    titles = list(StreamTitle.objects.filter(stream=stream, at__gte=begin, at__lt=end))
    runs = list(
        StreamRun.objects.filter(
            Q(ends_at__gt=begin) | Q(ends_at=None), stream=stream, starts_at__lt=end
        )
    )
    searched, _missing = accounted(stream, begin, end)
    hours = []
    at = begin.astimezone(ZoneInfo("UTC"))
    while at < end:
        until = min(at + timedelta(hours=1), end.astimezone(ZoneInfo("UTC")))
        touched = [gap for gap in gaps if gap.starts_at < until and gap.ends_at > at]
        files = [
            window.scanned_file
            for window in windows
            if window.starts_at < until and window.ends_at > at and window.scanned_file
        ]
        hours.append(
            DayHour(
                starts_at=at,
                ends_at=until,
                plays=tuple(p for p in plays if p.starts_at < until and p.ends_at > at),
                gaps=tuple(gap for gap in touched if gap.cause != GapCause.SILENT),
                silences=tuple(gap for gap in touched if gap.cause == GapCause.SILENT),
                titles=tuple(title for title in titles if at <= title.at < until),
                searched=tuple(span for span in searched if span[0] < until and span[1] > at),
                files=tuple(files),
                state=_state(at, until, now, windows, runs),
            )
        )
        at = until
    return DayView(stream=stream, day=on, hours=tuple(hours))


def _state(
    at: datetime,
    until: datetime,
    now: datetime,
    windows: Sequence[StreamHour],
    runs: Sequence[StreamRun],
) -> HourState:
    if at > now:
        return HourState.FUTURE
    heard = any(run.starts_at < until and (run.ends_at is None or run.ends_at > at) for run in runs)
    if not heard:
        return HourState.EMPTY
    settled = max((window.ends_at for window in windows), default=None)
    return HourState.SETTLED if settled and settled >= until else HourState.LIVE


def coverage(stream: Stream, from_at: datetime, until: datetime) -> StreamCoverage:
    """Return how much of a time was searched, and how much is listed as a gap.

    Silence counts as searched. A run that goes on counts up to what was heard. What was
    before the stream was added does not count.
    """
    from_at = min(max(from_at, began_at(stream)), until)
    heard, gaps = accounted(stream, from_at, until)
    # The pause becomes a gap once it ends.
    is_paused = stream.state == StreamState.PAUSED
    if is_paused and stream.state_at and stream.state_at < until:
        gaps = [*gaps, (max(stream.state_at, from_at), until)]
    searched = _length(heard)
    return StreamCoverage(
        searched_ms=searched,
        gap_ms=_length(union([*heard, *gaps])) - searched,
        unaccounted_ms=_length(_between([*heard, *gaps], from_at, until)),
    )


def began_at(stream: Stream) -> datetime:
    """Return when listening began: a server sends a few seconds of the past first."""
    first = StreamRun._base_manager.filter(stream=stream).aggregate(at=Min("starts_at"))
    return min(first["at"] or stream.created_at, stream.created_at)


def accounted(stream: Stream, from_at: datetime, until: datetime) -> tuple[list[Span], list[Span]]:
    """Return the times within an interval that lie in runs, and those in gaps."""
    # What was searched does not depend on who asks.
    with working_for(None):
        runs = StreamRun.objects.filter(
            Q(ends_at__gt=from_at) | Q(ends_at=None), stream=stream, starts_at__lt=until
        )
        heard = [(run.starts_at, run.ends_at or run_end(run)) for run in runs]
        gaps = (
            StreamGap.objects.filter(stream=stream, starts_at__lt=until, ends_at__gt=from_at)
            .exclude(cause=GapCause.SILENT)
            .values_list("starts_at", "ends_at")
        )
        missing = list(gaps)
    return (union(_clipped(heard, from_at, until)), union(_clipped(missing, from_at, until)))


def run_end(run: StreamRun) -> datetime:
    """Return the wall time up to which a run is known."""
    return run.ends_at or run.heard_until or run.starts_at


def open_alarms(stream: Stream | None = None) -> QuerySet[StreamAlarm]:
    """Return the alarms that go on, the newest first."""
    return alarms(stream).filter(ended_at=None)


def alarms(stream: Stream | None = None) -> QuerySet[StreamAlarm]:
    """Return the alarms of a stream or of all, the newest first."""
    rows = StreamAlarm.objects.select_related("stream__station", "airplay__recording").order_by(
        "-began_at", "-pk"
    )
    return rows if stream is None else rows.filter(stream=stream)


def _clipped(spans: Iterable[Span], from_at: datetime, until: datetime) -> list[Span]:
    cut = [(max(start, from_at), min(end, until)) for start, end in spans]
    return [(start, end) for start, end in cut if start < end]


def _length(spans: Iterable[Span]) -> int:
    total = sum((end - start for start, end in spans), timedelta())
    return round(total / timedelta(milliseconds=1))


def missing(stream: Stream, from_at: datetime, until: datetime) -> list[Span]:
    """Return the times within an interval that lie neither in a run nor in a gap."""
    heard, gaps = accounted(stream, from_at, until)
    return _between([*heard, *gaps], from_at, until)


def _between(spans: Iterable[Span], from_at: datetime, until: datetime) -> list[Span]:
    """Return the times within an interval that none of the spans covers."""
    gaps, at = [], from_at
    for start, end in [*union(spans), (until, until)]:
        if start - at >= _INACCURACY:
            gaps.append((at, start))
        at = max(at, end)
    return gaps


def airing_of(station: Station, starts_at: datetime) -> FileAiring:
    """Return when and where a station broadcast what a stream heard from a moment on."""
    day = starts_at.astimezone(ZoneInfo(station.time_zone)).date()
    return FileAiring(day, station.territory, station.name, is_broadcast=False)


def kept_intervals(file: ScannedFile) -> list[tuple[int, int]]:
    """Return the times of an hour's file whose sound was copied."""
    copied = file.facts.get("kept", [])
    return [(int(start), int(end)) for start, end in copied]


def kept_sound(file: ScannedFile) -> list[tuple[int, int]] | None:
    """Return the times of an hour's file that have sound; None for other files."""
    is_hour = file.source_type == SourceType.STREAM and bool(file.media)
    return kept_intervals(file) if is_hour else None
