"""Sound of a stream as a file: from the ring, or from the sound kept around matches."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db.models import Q
from django.utils.translation import gettext as _

from base.common.media_analysis import decode_limits
from base.common.storage import local_path
from plugins.monitoring.streams.clock import clock_of
from plugins.monitoring.streams.errors import SoundElsewhere, StreamRefused
from plugins.monitoring.streams.hour_layout import file_clock
from plugins.monitoring.streams.models import Stream, StreamHour
from plugins.monitoring.streams.recorders import folder_of
from plugins.monitoring.streams.recording.cutting import CutFacts, cut_audio
from plugins.monitoring.streams.recording.ring import RingGone
from plugins.monitoring.streams.recording.run_files import RunFiles
from plugins.monitoring.streams.selectors import kept_intervals
from recognition.audio.media import write_excerpts
from recognition.errors import RecognitionError


def cut_excerpt(*, stream: Stream, from_at: datetime, until: datetime, target: Path) -> CutFacts:
    """Copy the sound from one time to another; of two runs, that with the first time.

    It comes as it was sent from this machine's ring, or without loss from what is kept
    around matches. Raises ``SoundElsewhere`` if only another machine can have it, and
    ``StreamRefused`` if nobody has.
    """
    run = stream.runs.filter(Q(ends_at=None) | Q(ends_at__gt=from_at), starts_at__lt=until).first()
    if run is None:
        raise StreamRefused(_("The stream was not heard at that time."))
    clock = clock_of(run)
    # A run that is still being recorded may have less sound than requested.
    last = max(run.duration_ms, 1) if run.ends_at else clock.ms(until)
    start_ms, end_ms = max(clock.ms(from_at), 0), min(clock.ms(until), last)
    if start_ms >= end_ms:
        raise StreamRefused(_("The stream was not heard at that time."))
    folder = folder_of(stream)
    try:
        return cut_audio(folder, run.uid, start_ms, end_ms, target)
    except (RingGone, OSError) as error:
        copied = _cut_copied(stream, from_at, until, target)
        if copied is not None:
            return copied
        if not RunFiles(folder, run.uid).folder.exists():
            raise SoundElsewhere(
                _(
                    "Another machine recorded this period. Only that machine "
                    "may still have the sound."
                )
            ) from error
        raise StreamRefused(_("The sound of this period is no longer kept.")) from error


def _cut_copied(
    stream: Stream, from_at: datetime, until: datetime, target: Path
) -> CutFacts | None:
    """Copy the sound from an hour's file in the shared storage, if it has all of it."""
    hours = StreamHour.objects.filter(
        stream=stream,
        starts_at__lt=until,
        ends_at__gt=from_at,
        scanned_file__deleted_at__isnull=True,
    ).select_related("scanned_file")
    for hour in hours:
        file = hour.scanned_file
        if file is None or not file.media or not kept_intervals(file):
            continue
        clock = file_clock(hour)
        begin, end = clock.file_ms(from_at), clock.file_ms(until)
        if any(start <= begin < end <= last for start, last in kept_intervals(file)):
            try:
                with local_path(file.media) as path:
                    write_excerpts(path, [(target, begin, end)], limits=decode_limits())
            except (RecognitionError, OSError):
                continue
            return CutFacts(begin, end, ".flac", "flac")
    return None
