"""Records one stream: the work of its job, for as long as the stream is to be heard.

The recorder keeps what arrives whatever happens to the database: events wait until it
answers again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import close_old_connections, connection, transaction

from base.jobs.context import JobContext
from base.jobs.errors import DatabaseGone, Stopped
from base.jobs.services import submit
from plugins.monitoring.streams.jobs import RECORD
from plugins.monitoring.streams.models import Stream
from plugins.monitoring.streams.recording.events import StreamEvent, StreamPlan
from plugins.monitoring.streams.recording.recorder import StreamRecorder
from plugins.monitoring.streams.sink import DatabaseSink

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
# About a day of a stream; older sound is lost and listed as a gap.
_MOST_WAITING: Final = 100_000

_recording: dict[int, Path] = {}
_changing = threading.Lock()


def folder_of(stream: Stream) -> Path:
    """Return where this machine keeps the ring and the landmarks of a stream."""
    return streams_folder() / stream.uid


def streams_folder() -> Path:
    """Return where this machine keeps all rings."""
    folder: Path = settings.ACRPORTAL_DATA_DIR / "streams"
    return folder


def recording_now() -> list[int]:
    """Return the primary keys of the streams that this process records."""
    with _changing:
        return list(_recording)


def run(context: JobContext) -> None:
    """Record a stream until it is paused, or another recorder has it."""
    stream: Stream = context.subject
    while stream.enabled and stream.deleted_at is None:
        with _counted(stream):
            _record(stream, context)
        stream.refresh_from_db()
    with transaction.atomic():
        context.finish()
        # A person who resumed it has found this job, which ends here.
        if Stream.objects.filter(pk=stream.pk, enabled=True, deleted_at__isnull=True).exists():
            submit(RECORD, stream)


@contextmanager
def _counted(stream: Stream) -> Iterator[None]:
    with _changing:
        _recording[stream.pk] = folder_of(stream)
    try:
        yield
    finally:
        with _changing:
            _recording.pop(stream.pk, None)


def _record(stream: Stream, context: JobContext) -> None:
    """Record until something about the stream changes, or the job must stop."""
    folder = folder_of(stream)
    folder.mkdir(parents=True, exist_ok=True)
    watcher = _Watcher(stream, context)
    sink = PatientSink(DatabaseSink(stream, still_mine=watcher.check))
    plan = StreamPlan(
        uid=stream.uid,
        urls=tuple(stream.urls),
        folder=folder,
        keep_hours=stream.keep_hours,
        title_charset=stream.title_charset,
    )
    watcher.start()
    try:
        StreamRecorder(plan, sink).run(watcher.stop)
    finally:
        watcher.finish()
    watcher.check()


class _Watcher(threading.Thread):
    """Keeps a recording's job, and stops the recording when that or the stream changes.

    A stream that is away reports nothing for minutes, so this is a thread of its own.
    """

    def __init__(self, stream: Stream, context: JobContext) -> None:
        super().__init__(name=f"watch of {stream.uid}", daemon=True)
        self.stop = threading.Event()
        self._ended = threading.Event()
        self._stream, self._context = stream, context
        self._stopped: Stopped | None = None

    def check(self) -> None:
        """Raise what stops the job, such as a lost lease."""
        if self._stopped is not None:
            raise self._stopped

    def finish(self) -> None:
        """End the thread."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Look each second whether the recording is to go on."""
        try:
            while not self._ended.wait(_LOOK_SECONDS):
                self._context.report()
                if self._has_changed():
                    break
        except Stopped as stopped:
            self._stopped = stopped
        finally:
            self.stop.set()
            connection.close()

    def _has_changed(self) -> bool:
        rows = Stream.objects.filter(
            pk=self._stream.pk,
            enabled=True,
            deleted_at__isnull=True,
            revision=self._stream.revision,
        )
        try:
            return not rows.exists()
        except DatabaseGone:
            close_old_connections()
            return False


class PatientSink:
    """Passes events on, in order; keeps them while the database is away."""

    def __init__(self, sink: DatabaseSink) -> None:
        self._sink = sink
        self._waiting: deque[StreamEvent] = deque(maxlen=_MOST_WAITING)

    def take(self, event: StreamEvent) -> None:
        """Keep an event; what stops the job is raised."""
        self._waiting.append(event)
        try:
            while self._waiting:
                self._sink.take(self._waiting[0])
                self._waiting.popleft()
        except DatabaseGone:
            if connection.in_atomic_block:
                raise
            logger.warning("%d events of a stream wait", len(self._waiting))
            connection.close()
