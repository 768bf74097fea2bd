"""Keeps the sound around settled matches before the ring overwrites it.

The file of an hour gets one audio of its whole length: the sound of its matches and ten
seconds around them, and silence elsewhere, so that all times stay what they are. What was
copied is in ``facts["kept"]``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.db import transaction

from base.common.databases import one_at_a_time
from base.common.media_analysis import decode_limits, draw_waveform
from base.common.storage import FileOnDisk, keep_file, scratch_directory
from base.jobs.services import submit
from plugins.monitoring.streams.hour_layout import HourPiece, pieces_of
from plugins.monitoring.streams.models import Stream, StreamHour
from plugins.monitoring.streams.recording.cutting import cut_audio
from plugins.monitoring.streams.recording.ring import RingGone
from plugins.monitoring.streams.selectors import kept_intervals
from recognition.audio import media
from recognition.errors import RecognitionError
from review.intervals import union
from scanning.choices import KeepAudio, ScanStatus
from scanning.jobs import RENDITION
from scanning.models import Scan, ScannedFile, Segment
from scanning.models.scanned_file import AUDIO_FIELDS

logger = logging.getLogger(__name__)

AROUND_MS: Final = 10_000
Interval = tuple[int, int]


def copy_due(stream: Stream, folder: Path) -> list[StreamHour]:
    """Copy the sound of every hour that has been scanned since; return those hours."""
    done = []
    rows = StreamHour.objects.filter(
        stream=stream, scanned_file__isnull=False, scanned_file__deleted_at__isnull=True
    ).select_related("scanned_file__container")
    for hour in rows.order_by("-starts_at")[: 2 * 24]:
        scan = (
            Scan.objects.filter(scanned_file=hour.scanned_file_id, status=ScanStatus.SUCCEEDED)
            .order_by("-pk")
            .first()
        )
        if scan is not None and scan.pk != hour.copied_for_id:
            _copy(hour, scan, folder)
            done.append(hour)
    return done


def _copy(hour: StreamHour, scan: Scan, folder: Path) -> None:
    file = hour.scanned_file
    if file is None:
        return
    spans = _spans_around_matches(file)
    # What a person or a rule has removed does not come back.
    keeps = file.container.upload_audio != KeepAudio.NOTHING and file.audio_removed_at is None
    # What an earlier copy holds may no longer be in the ring.
    if spans and keeps and not _covers(kept_intervals(file), spans):
        _write(hour, file, spans, folder)
    StreamHour.objects.filter(pk=hour.pk).update(copied_for=scan)
    hour.copied_for = scan


def _spans_around_matches(file: ScannedFile) -> list[Interval]:
    """Return the intervals of a file's segments with ten seconds around, joined."""
    segments = Segment.objects.filter(
        detection__scan__scanned_file=file.pk, detection__scan__status=ScanStatus.SUCCEEDED
    ).values_list("start_ms", "end_ms")
    return union((max(0, start - AROUND_MS), end + AROUND_MS) for start, end in segments)


def _covers(copied: Sequence[Interval], spans: Sequence[Interval]) -> bool:
    return all(
        any(start <= begin and until <= end for start, end in copied) for begin, until in spans
    )


def _write(hour: StreamHour, file: ScannedFile, spans: Sequence[Interval], folder: Path) -> None:
    with scratch_directory() as scratch:
        parts = _cut(hour, spans, folder, scratch)
        if not parts:
            return
        target = scratch / "hour.webm"
        try:
            intervals = media.write_assembled(
                parts, target, duration_ms=file.length_ms, limits=decode_limits()
            )
            drawn = draw_waveform(target, folder="scans", key=file.uid.hex)
        except RecognitionError as error:
            logger.warning("sound of %s was not copied: %s", hour, error)
            return
        key = file.uid.hex
        stored = keep_file(FileOnDisk(target, f"{key}.webm"), f"files/{key[:2]}/{key}")
    earlier = [str(name) for name in (file.media, file.proxy) if name]
    with one_at_a_time(f"stream-audio:{file.pk}"), transaction.atomic():
        current = ScannedFile.objects.select_for_update().get(pk=file.pk)
        landmarks = current.sha256, current.size_bytes
        current.take_audio(stored)
        # The file is its landmarks; its audio is only to be listened to.
        current.sha256, current.size_bytes = landmarks
        current.facts = {**current.facts, "kept": intervals}
        current.proxy, current.waveform = "", drawn
        current.save(update_fields=[*AUDIO_FIELDS, "facts", "proxy", "waveform"])
        submit(RENDITION, current)
    storage = file.media.storage
    for name in earlier:
        storage.delete(name)


def _cut(
    hour: StreamHour, spans: Sequence[Interval], folder: Path, scratch: Path
) -> list[tuple[Path, int]]:
    """Copy sound of some intervals from the ring; return each path and its time."""
    parts: list[tuple[Path, int]] = []
    for number, (piece, start, end) in enumerate(_in_pieces(hour, spans)):
        target = scratch / f"part-{number}"
        run_start = piece.start_ms + start - piece.at_ms
        run_end = piece.start_ms + end - piece.at_ms
        try:
            facts = cut_audio(folder, piece.run, run_start, run_end, target)
        except RingGone:
            continue
        except (OSError, RecognitionError) as error:
            logger.warning("sound of %s was not copied: %s", hour, error)
            continue
        at = piece.at_ms + facts.start_ms - piece.start_ms
        named = target.rename(target.with_suffix(facts.suffix))
        parts.append((named, max(0, at)))
    return parts


def _in_pieces(hour: StreamHour, spans: Sequence[Interval]) -> list[tuple[HourPiece, int, int]]:
    """Return the parts of intervals that lie in pieces; the last one may go on."""
    parts = []
    pieces = pieces_of(hour)
    for start, end in spans:
        for piece in pieces:
            until = piece.at_ms + piece.length_ms
            if piece is pieces[-1]:
                until = max(until, end)
            first, last = max(start, piece.at_ms), min(end, until)
            if first < last:
                parts.append((piece, first, last))
    return parts
