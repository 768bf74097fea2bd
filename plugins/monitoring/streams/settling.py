"""Turns recorded sound into hours: windows that are scanned and reviewed as files.

The machine that recorded a stream does this, because it has the landmarks. An hour ends
where no play that was heard live crosses its end, a quarter of an hour later at most.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from django.core.files.base import ContentFile
from django.db.models import Max, Q

from base.common.databases import one_at_a_time
from base.common.phrases import for_the_record
from base.common.storage import delete_files, keep_file, kept_only_if_done
from base.jobs.choices import OPEN_STATES
from base.jobs.selectors import jobs_of
from plugins.monitoring.streams import selectors
from plugins.monitoring.streams.choices import AirplayState, GapCause
from plugins.monitoring.streams.hour_layout import (
    HeardRun,
    HourPiece,
    PieceCut,
    as_json,
    heard_runs,
    landmarks_of,
    lay_out,
    pieces_of,
)
from plugins.monitoring.streams.jobs import RECORD
from plugins.monitoring.streams.models import Airplay, Stream, StreamGap, StreamHour, StreamRun
from plugins.monitoring.streams.sink import add_gap
from recognition.fingerprints import file_format as fingerprint
from scanning.models import ScannedFile
from scanning.services.intake import store_landmarks, submit_landmarks
from scanning.services.scans import request_scan
from scanning.uses import stored_airings

logger = logging.getLogger(__name__)

AROUND: Final = timedelta(seconds=120)
# Landmarks and events of the last seconds may be on their way.
_GRACE: Final = timedelta(seconds=30)
_WAITS: Final = timedelta(minutes=15)
_SHORTEST: Final = timedelta(minutes=5)
_NAMED_GAPS: Final = 5
_MS: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class _Window:
    """A window to make an hour of; ``around_until`` is where its surroundings end."""

    start: datetime
    end: datetime
    around_until: datetime


def settle_due(
    stream: Stream,
    *,
    folder: Path,
    now: datetime | None = None,
    length: timedelta = timedelta(hours=1),
) -> list[StreamHour]:
    """Make every hour of a stream that is over; return them.

    ``folder`` holds the stream's landmarks. Times that lie neither in a run nor in a gap
    become gaps without a recorder. May be called as often as one likes, by several
    machines.
    """
    made: list[StreamHour] = []
    now = now or datetime.now(tz=UTC)
    while True:
        window = _next_window(stream, now, length)
        if window is None or _is_behind(stream, window, folder, now):
            return made
        # Reading and storing landmarks is slow, so it comes before the lock.
        with kept_only_if_done() as names:
            sound = _gather(stream, window, folder, names)
            with one_at_a_time(f"stream-hours:{stream.pk}"):
                is_ours = _next_window(stream, now, length) == window
                if is_ours:
                    made.append(_make(stream, window, sound))
            if not is_ours:
                # Another machine has made this hour.
                delete_files(names)


def _next_window(stream: Stream, now: datetime, length: timedelta) -> _Window | None:
    start = _next_start(stream)
    if start is None:
        return None
    # The next full hour; windows are never much shorter than that.
    since = (start - datetime.min.replace(tzinfo=UTC)) // length
    nominal = datetime.min.replace(tzinfo=UTC) + (since + 1) * length
    shortest = min(_SHORTEST, length / 12)
    if nominal - start < shortest:
        nominal += length
    runs = StreamRun.objects.filter(stream=stream)
    last_heard = max(selectors.run_end(run) for run in runs.order_by("-starts_at")[:2])
    if _is_over(stream) and last_heard <= nominal + AROUND:
        # No recorder listens any more, so no more sound will come.
        if last_heard <= start:
            return None
        return _Window(start, max(last_heard, start + _MS), last_heard)
    end = _free_end(stream, nominal, now)
    if end is None or now < end + AROUND + _GRACE:
        return None
    return _Window(start, end, end + AROUND)


def _is_behind(stream: Stream, window: _Window, folder: Path, now: datetime) -> bool:
    """Tell whether landmarks or gaps of a window are still on their way."""
    if now >= window.end + _WAITS:
        return False
    # A recorder tells of a long absence in parts.
    if not _is_over(stream) and selectors.missing(stream, window.start, window.end):
        return True
    runs = StreamRun.objects.filter(stream=stream, ends_at=None, starts_at__lt=window.end)
    heard = heard_runs(runs, folder)
    return any(heard_run.clock.at(heard_run.until_ms) < window.around_until for heard_run in heard)


def _next_start(stream: Stream) -> datetime | None:
    """Return where the next hour begins: where the last one ended, or sound begins."""
    last = _last_end(stream)
    runs = StreamRun.objects.filter(stream=stream)
    if last is not None:
        runs = runs.filter(Q(ends_at__gt=last) | Q(ends_at=None))
    first = runs.order_by("starts_at").first()
    if first is None:
        return None
    return first.starts_at if last is None else max(last, first.starts_at)


def _last_end(stream: Stream) -> datetime | None:
    last: datetime | None = StreamHour.objects.filter(stream=stream).aggregate(last=Max("ends_at"))[
        "last"
    ]
    return last


def _is_over(stream: Stream) -> bool:
    """Tell whether no recorder has the stream, or will soon."""
    if Stream.objects.filter(pk=stream.pk, enabled=True).exists():
        return False
    return not jobs_of(RECORD, [stream], OPEN_STATES)


def _free_end(stream: Stream, nominal: datetime, now: datetime) -> datetime | None:
    """Return the first time from ``nominal`` that no play crosses; None: not yet."""
    latest = nominal + _WAITS
    end = nominal
    while True:
        crossing = Airplay.objects.filter(
            Q(ends_at__gte=end) | Q(state=AirplayState.PLAYING), stream=stream, starts_at__lt=end
        ).exclude(state=AirplayState.WITHDRAWN)
        if not crossing.exists():
            return end
        if now >= latest + AROUND + _GRACE:
            return latest
        if crossing.filter(state=AirplayState.PLAYING).exists():
            return None
        last = max(crossing.values_list("ends_at", flat=True))
        end = min(latest, last + timedelta(seconds=1))
        if end == latest:
            return end


@dataclass(frozen=True, slots=True)
class _WindowSound:
    """What was heard of a window, with its landmarks stored.

    ``file`` is not saved; None if nothing was heard.
    """

    heard: Sequence[HeardRun]
    pieces: Sequence[HourPiece]
    end: datetime
    file: ScannedFile | None = None
    before: str = ""
    after: str = ""


def _gather(stream: Stream, window: _Window, folder: Path, names: list[str]) -> _WindowSound:
    """Read a window's landmarks and store them; note the ``names`` of the files."""
    rows = (
        StreamRun.objects.filter(
            Q(ends_at__gt=window.start - AROUND) | Q(ends_at=None),
            stream=stream,
            starts_at__lt=window.around_until,
        )
        .order_by("starts_at", "pk")
        .prefetch_related("anchors")
    )
    heard = heard_runs(rows, folder)
    begins = _cut_before(stream, window.start)
    pieces = lay_out(heard, window.start, window.end, begins=begins)
    end = _end_of(pieces, heard, window)
    duration_ms = max(
        round((end - window.start) / _MS),
        max((piece.at_ms + piece.length_ms for piece in pieces), default=0),
    )
    if pieces and pieces[-1].at_ms + pieces[-1].length_ms > duration_ms - 1000:
        # The last piece fills the window: its own length is the file's.
        duration_ms = pieces[-1].at_ms + pieces[-1].length_ms
    if not pieces:
        return _WindowSound(heard, pieces, end)
    made = fingerprint.to_bytes(landmarks_of(pieces, duration_ms, folder))
    file = store_landmarks(landmarks=made, duration_ms=duration_ms)
    key = file.uid.hex
    before = lay_out(
        heard,
        window.start - AROUND,
        window.start,
        ends=PieceCut(pieces[0].run, pieces[0].start_ms) if pieces[0].at_ms == 0 else None,
    )
    after = lay_out(heard, end, min(end + AROUND, window.around_until), begins=_cut_after(pieces))
    # A gap before the hour is part of what lies around it; what follows may be shorter.
    around_ms = round(AROUND / _MS)
    after_ms = min(around_ms, max((p.at_ms + p.length_ms for p in after), default=0))
    name = f"scans/{key[:2]}/{key}"
    stored = (
        _store(before, around_ms, folder, f"{name}.before.acrfp"),
        _store(after, after_ms, folder, f"{name}.after.acrfp"),
    )
    names += [str(file.fingerprint), *stored]
    return _WindowSound(heard, pieces, end, file, *stored)


def _make(stream: Stream, window: _Window, sound: _WindowSound) -> StreamHour:
    """Write the hour of a window, and ask for its scan if something was heard."""
    # A recorder on another machine does not know of the time before it.
    for start, until in selectors.missing(stream, _last_end(stream) or window.start, sound.end):
        add_gap(stream=stream, start=start, end=until, cause=GapCause.RECORDER, is_exact=False)
    _list_lost(stream, sound.heard, window.start, sound.end)
    hour = StreamHour(
        stream=stream,
        starts_at=window.start,
        ends_at=sound.end,
        pieces=as_json(sound.pieces),
        before=sound.before,
        after=sound.after,
    )
    if sound.file is not None:
        airing = selectors.airing_of(stream.station, window.start)
        sound.file.aired = stored_airings([airing])
        hour.scanned_file = submit_landmarks(
            file=sound.file,
            container=stream.container,
            name=_name(stream, hour),
            details={
                "programme": stream.station.name,
                "account": stream.name,
                "platform": "Live stream",
                "published_at": window.start,
            },
            facts=_facts(stream, hour, sound.heard),
        )
    hour.save()
    if sound.file is not None:
        request_scan(scanned_file=sound.file, user=None)
        logger.info("hour of stream %s from %s", stream.uid, window.start)
    return hour


def _cut_before(stream: Stream, start: datetime) -> PieceCut | None:
    """Return where the hour before cut the run that goes on."""
    last = StreamHour.objects.filter(stream=stream, ends_at=start).first()
    pieces = pieces_of(last) if last is not None else ()
    return _cut_after(pieces) if pieces else None


def _cut_after(pieces: Sequence[HourPiece]) -> PieceCut:
    return PieceCut(pieces[-1].run, pieces[-1].end_ms)


def _end_of(pieces: Sequence[HourPiece], heard: Sequence[HeardRun], window: _Window) -> datetime:
    """Return where the window ends: at the cut of the run that goes on there."""
    if not pieces:
        return window.end
    last = pieces[-1]
    last_run = next(entry for entry in heard if entry.run.uid == last.run)
    end = last_run.clock.at(last.end_ms)
    is_cut = last.end_ms < last_run.until_ms
    near = abs(end - window.end) < timedelta(seconds=1)
    return end if is_cut and near and end > window.start else window.end


def _list_lost(stream: Stream, heard: Sequence[HeardRun], start: datetime, end: datetime) -> None:
    """List as gaps the times of runs whose landmarks this machine does not have.

    They were on a machine that died, whose streams this one has taken over.
    """
    for heard_run in heard:
        heard_until = heard_run.clock.at(heard_run.until_ms)
        lost_from, lost_until = (
            max(start, heard_until),
            min(end, selectors.run_end(heard_run.run)),
        )
        if lost_until - lost_from > timedelta(seconds=1):
            add_gap(
                stream=stream,
                start=lost_from,
                end=lost_until,
                cause=GapCause.RECORDER,
                is_exact=False,
            )


def _store(pieces: Sequence[HourPiece], length_ms: int, folder: Path, name: str) -> str:
    """Store the landmarks around an hour; return the name, empty if there are none."""
    if not pieces:
        return ""
    made = fingerprint.to_bytes(landmarks_of(pieces, length_ms, folder))
    return keep_file(ContentFile(made, name="around.acrfp"), name).name


def _name(stream: Stream, hour: StreamHour) -> str:
    zone = ZoneInfo(stream.station.time_zone)
    start, end = hour.starts_at.astimezone(zone), hour.ends_at.astimezone(zone)
    return f"{stream.name} {start:%Y-%m-%d %H:%M}–{end:%H:%M}"


def _facts(stream: Stream, hour: StreamHour, heard: Sequence[HeardRun]) -> dict[str, object]:
    codecs = [heard_run.run.codec for heard_run in heard if heard_run.run.codec]
    gaps = gaps_of(stream, hour.starts_at, hour.ends_at)
    return {"codec": codecs[-1] if codecs else "", "warnings": _warnings(hour, gaps)}


def gaps_of(stream: Stream, start: datetime, end: datetime) -> list[StreamGap]:
    """Return the gaps within a window that were not searched, so without silences."""
    rows = StreamGap.objects.filter(stream=stream, starts_at__lt=end, ends_at__gt=start).exclude(
        cause=GapCause.SILENT
    )
    return [gap for gap in rows if gap.ends_at - gap.starts_at >= timedelta(seconds=1)]


def _warnings(hour: StreamHour, gaps: Sequence[StreamGap]) -> list[str]:
    """Return the text about a file's gaps, in English like all stored texts."""
    if not gaps:
        return []
    with for_the_record():
        causes = [str(gap.get_cause_display()) for gap in gaps[:_NAMED_GAPS]]
    seconds = sum(
        (min(gap.ends_at, hour.ends_at) - max(gap.starts_at, hour.starts_at))
        // timedelta(seconds=1)
        for gap in gaps
    )
    named = "; ".join(
        f"{gap.starts_at:%H:%M:%S}–{gap.ends_at:%H:%M:%S} UTC {cause}"
        for gap, cause in zip(gaps, causes, strict=False)
    )
    remainder = f"; {len(gaps) - _NAMED_GAPS} more" if len(gaps) > _NAMED_GAPS else ""
    return [f"{seconds} s of the stream were not searched ({named}{remainder})."]
