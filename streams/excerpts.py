"""Sound of a stream that its ring still holds, as a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db.models import Q
from django.utils.translation import gettext as _

from streams.clock import clock_of
from streams.errors import StreamRefused
from streams.models import Stream
from streams.recorders import folder_of
from streams.recording.cutting import CutFacts, cut_audio
from streams.recording.ring import RingGone


def cut_excerpt(
    *, stream: Stream, from_at: datetime, until: datetime, target: Path
) -> CutFacts:
    """Copy the sound from one time to another; of two runs, that with the first time.

    Raises ``StreamRefused`` if this machine does not hold it, or no longer.
    """
    run = stream.runs.filter(
        Q(ends_at=None) | Q(ends_at__gt=from_at), starts_at__lt=until
    ).first()
    if run is None:
        raise StreamRefused(_("The stream was not heard at that time."))
    clock = clock_of(run)
    # A run that goes on may hold less than what was asked for.
    last = max(run.duration_ms, 1) if run.ends_at else clock.ms(until)
    start_ms, end_ms = max(clock.ms(from_at), 0), min(clock.ms(until), last)
    if start_ms >= end_ms:
        raise StreamRefused(_("The stream was not heard at that time."))
    try:
        return cut_audio(folder_of(stream), run.uid, start_ms, end_ms, target)
    except (RingGone, OSError) as error:
        raise StreamRefused(
            _("This machine no longer keeps the sound of that time.")
        ) from error
