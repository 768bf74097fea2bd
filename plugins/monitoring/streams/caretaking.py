"""What a recorder does for its streams beside recording: hours, sound, room on the disk.

It looks after every stream whose folder lies on this machine, also those that are paused.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.models import Min

from plugins.monitoring.streams import alarms, audio, recorders, settling
from plugins.monitoring.streams.hour_layout import pieces_of
from plugins.monitoring.streams.models import Stream, StreamHour, StreamRun
from plugins.monitoring.streams.recording.landmark_log import LandmarkLog
from plugins.monitoring.streams.recording.ring import FILE_S, RingLog

logger = logging.getLogger(__name__)

# The hour before the newest one may still be needed around the next.
_LANDMARKS_KEPT_MS: Final = 10 * 60_000
# So much of each stream stays however full the disk is: two hours of 128 kbit/s.
LEAST_RING_BYTES: Final = 128 << 20
# The ring drops whole files.
_RING_FILE: Final = timedelta(seconds=FILE_S)
_SHRUNK_TO: Final = timedelta(hours=1)


def look_after() -> None:
    """Look once after all streams whose folders lie here."""
    folder = recorders.streams_folder()
    if not folder.is_dir():
        return
    names = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    for stream in Stream.objects.filter(uid__in=names).select_related("station", "container"):
        try:
            _look_after(stream, folder / stream.uid)
        except Exception:  # the others must not wait for one that fails
            logger.exception("stream %s was not looked after", stream.uid)
    mind_disk()


def _look_after(stream: Stream, folder: Path) -> None:
    if stream.container.deleted_at is None:
        settling.settle_due(stream, folder=folder)
        audio.copy_due(stream, folder)
    _forget_landmarks(stream, folder)
    if stream.deleted_at is not None and stream.pk not in recorders.recording_now():
        # Its hours and plays stay; they hold the sound that they need.
        shutil.rmtree(folder, ignore_errors=True)


def _forget_landmarks(stream: Stream, folder: Path) -> None:
    """Delete the landmarks of runs that the hours have taken over."""
    hour = StreamHour.objects.filter(stream=stream).order_by("-ends_at").first()
    if hour is None:
        return
    oldest = hour.starts_at - settling.AROUND
    gone = StreamRun.objects.filter(
        stream=stream, ends_at__lt=oldest, ends_at__gte=oldest - timedelta(days=1)
    )
    for run in gone:
        LandmarkLog(folder, run.uid).delete_before(run.duration_ms + 1)
    for piece in pieces_of(hour):
        LandmarkLog(folder, piece.run).delete_before(piece.start_ms - _LANDMARKS_KEPT_MS)
    kept_from = datetime.now(tz=UTC) - timedelta(hours=stream.keep_hours) - _RING_FILE
    _forget_runs(stream, folder / "runs", min(oldest, kept_from))


def _forget_runs(stream: Stream, folder: Path, before: datetime) -> None:
    """Delete what is kept of runs whose bytes the ring has dropped."""
    names = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
    gone = StreamRun.objects.filter(stream=stream, uid__in=names, ends_at__lt=before)
    for uid in gone.values_list("uid", flat=True):
        shutil.rmtree(folder / uid, ignore_errors=True)


def mind_disk(*, now: datetime | None = None) -> bool:
    """Shrink the rings of this machine while its disk is nearly full; tell of it.

    Return whether it is.
    """
    now = now or datetime.now(tz=UTC)
    folder = recorders.streams_folder()
    free = shutil.disk_usage(folder).free
    least: int = settings.ACRPORTAL_STREAM_FREE_BYTES
    short = least - free
    names = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    streams = list(Stream.objects.present().filter(uid__in=names))
    if short > 0:
        _make_room({stream: RingLog(folder / stream.uid) for stream in streams}, short, now)
    for stream in streams:
        alarms.note_disk(stream, is_full=short > 0, now=now)
    return short > 0


def _make_room(rings: Mapping[Stream, RingLog], short: int, now: datetime) -> None:
    """Drop what hours hold already; then, of the largest rings, the oldest bytes."""
    before = sum(ring.size_bytes for ring in rings.values())
    for stream, ring in rings.items():
        # At first a ring keeps what its hours do not hold yet.
        unsettled = StreamHour.objects.filter(
            stream=stream, copied_for=None, scanned_file__isnull=False
        ).aggregate(first=Min("starts_at"))["first"]
        last = StreamHour.objects.filter(stream=stream).order_by("-ends_at").first()
        oldest = unsettled or (last.ends_at if last else now - _SHRUNK_TO)
        ring.drop_before(now - max(_SHRUNK_TO, min(now - oldest, timedelta(hours=3))))
    sizes = {ring: ring.size_bytes for ring in rings.values()}
    short -= before - sum(sizes.values())
    while short > 0 and sizes:
        largest = max(sizes, key=lambda ring: sizes[ring])
        dropped = largest.drop_oldest() if sizes[largest] > LEAST_RING_BYTES else 0
        if not dropped:
            del sizes[largest]
            continue
        sizes[largest] -= dropped
        short -= dropped
