"""Stores a recorder's reports as rows.

A recorder repeats its last events after a kill, so each is kept once. Growth is written
every few seconds only: on SQLite all streams share one writer.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from django.db import transaction

from plugins.monitoring.streams import notices
from plugins.monitoring.streams.choices import HEARING, GapCause, RunEdge, StreamState
from plugins.monitoring.streams.models import ClockAnchor, Stream, StreamGap, StreamRun, StreamTitle
from plugins.monitoring.streams.recording.events import (
    Anchored,
    Gap,
    RunEnded,
    RunGrew,
    RunStarted,
    StateChanged,
    StreamEvent,
    Titled,
)

_WRITE_SECONDS: Final = 5.0


class DatabaseSink:
    """Writes the events of one stream.

    ``still_mine`` is asked before each event; it raises once another recorder has the
    stream, so that a recorder which was held up for longer than its lease writes nothing.
    """

    def __init__(self, stream: Stream, *, still_mine: Callable[[], None] = lambda: None) -> None:
        self._stream = stream
        self._still_mine = still_mine
        self._written = 0.0

    def take(self, event: StreamEvent) -> None:
        """Keep an event; an event that is known changes nothing."""
        self._still_mine()
        match event:
            case RunStarted():
                self._start(event)
            case RunEnded():
                self._end(event)
            case RunGrew():
                self._grow(event)
            case Anchored():
                self._anchor(event)
            case Gap():
                self._gap(event)
            case Titled():
                StreamTitle.objects.get_or_create(
                    stream=self._stream, at=event.at, text=event.text[:500]
                )
            case StateChanged():
                self._change(event)

    @transaction.atomic
    def _start(self, event: RunStarted) -> None:
        open_runs = StreamRun.objects.filter(stream=self._stream, ends_at=None)
        # Nothing more is known of a run whose machine died.
        for run in open_runs.exclude(uid=event.run):
            end = min(event.at, run.heard_until or run.starts_at)
            StreamRun.objects.filter(pk=run.pk).update(
                ends_at=max(end, run.starts_at), end_cause=RunEdge.RECORDER
            )
        StreamRun.objects.get_or_create(
            uid=event.run,
            defaults={
                "stream": self._stream,
                "starts_at": event.at,
                "heard_until": event.at,
                "codec": event.codec[:40],
                "sample_rate": event.sample_rate,
                "channels": event.channels,
                "byte_offset": event.byte_offset,
                "start_cause": event.cause,
            },
        )

    def _end(self, event: RunEnded) -> None:
        StreamRun.objects.filter(uid=event.run, stream=self._stream).update(
            ends_at=event.at,
            heard_until=event.at,
            duration_ms=event.duration_ms,
            end_cause=event.cause,
        )

    def _grow(self, event: RunGrew) -> None:
        if monotonic() - self._written < _WRITE_SECONDS:
            return
        self._written = monotonic()
        with transaction.atomic():
            StreamRun.objects.filter(uid=event.run, stream=self._stream, ends_at=None).update(
                heard_until=event.at, duration_ms=event.duration_ms
            )
            Stream.objects.filter(pk=self._stream.pk).update(heard_until=event.at)

    def _anchor(self, event: Anchored) -> None:
        run = StreamRun.objects.filter(uid=event.run, stream=self._stream).first()
        if run is None:
            return
        ClockAnchor.objects.update_or_create(
            run=run, run_ms=event.run_ms, defaults={"at": event.at}
        )
        # The first anchor knows better when the run began than the connection did.
        if event.run_ms == 0:
            StreamRun.objects.filter(pk=run.pk).update(starts_at=event.at)

    def _gap(self, event: Gap) -> None:
        add_gap(
            stream=self._stream,
            start=event.start,
            end=event.end,
            cause=GapCause(event.cause),
            is_exact=event.is_exact,
        )

    @transaction.atomic
    def _change(self, event: StateChanged) -> None:
        before = Stream.objects.select_for_update().get(pk=self._stream.pk)
        # A person who pauses decides, whatever the recorder still says.
        if not before.enabled:
            return
        columns: dict[str, object] = {
            "state": event.state,
            "cause": event.cause[:500],
            "current_url": event.url[:2000],
        }
        if event.state != before.state:
            columns["state_at"] = event.at
        if event.state in HEARING:
            columns["heard_until"] = max(event.at, before.heard_until or event.at)
        Stream.objects.filter(pk=before.pk).update(**columns)
        if event.state == StreamState.AWAY and before.state != StreamState.AWAY:
            notices.tell_away(before, at=event.at, cause=event.cause)
        if event.state in HEARING and before.state == StreamState.AWAY:
            notices.tell_back(before, at=event.at)


def add_gap(
    *, stream: Stream, start: datetime, end: datetime, cause: GapCause, is_exact: bool
) -> list[StreamGap]:
    """Add a gap, less what gaps of its sort cover already; return the rows added.

    Silence lies within runs, so it is kept apart from the other gaps.
    """
    gaps = StreamGap.objects.filter(stream=stream, starts_at__lt=end, ends_at__gt=start)
    gaps = (
        gaps.filter(cause=GapCause.SILENT)
        if cause == GapCause.SILENT
        else gaps.exclude(cause=GapCause.SILENT)
    )
    rows, at = [], start
    covered = sorted(gaps.values_list("starts_at", "ends_at"))
    for begun, ended in [*covered, (end, end)]:
        if begun - at >= timedelta(milliseconds=1):
            rows.append(
                StreamGap(
                    stream=stream, starts_at=at, ends_at=begun, cause=cause, is_exact=is_exact
                )
            )
        at = max(at, ended)
    return StreamGap.objects.bulk_create(rows)
