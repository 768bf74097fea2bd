"""Reads and writes what is known of speech and music in scanned files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.dispatch import Signal

from catalogue.models import RecordingSpeech
from recognition.speech_track import NET, NO_TRACK, Share, SpeechTrack
from scanning.models import Scan, ScanSpeech, Segment, SegmentSpeech

# Sent with ``scan`` once an earlier scan was judged, in the same transaction.
speech_judged = Signal()


def tracks_of(files: Collection[int]) -> dict[int, SpeechTrack]:
    """Return the tracks of files by key, of the newest scan that has one."""
    rows = ScanSpeech.objects.filter(scan__scanned_file__in=files).order_by("scan")
    named = rows.values_list("scan__scanned_file", "halves")
    return {file: SpeechTrack(bytes(halves)) for file, halves in named}


def track_of(file: int) -> SpeechTrack:
    """Return the track of a file; an empty one if it was not judged."""
    return tracks_of([file]).get(file, NO_TRACK)


def keep_track(scan: Scan, track: SpeechTrack) -> None:
    """Store the track of a scan."""
    ScanSpeech.objects.update_or_create(scan=scan, defaults={"net": NET, "halves": track.halves})


def estimate(segments: Iterable[Segment], track: SpeechTrack) -> None:
    """Store how much of each segment has speech, as far as its file was judged.

    Other sound tracks than the main one are not judged.
    """
    of_main_track = [segment for segment in segments if segment.track is None]
    played = _recordings_of(of_main_track)
    rows = [
        SegmentSpeech(segment=segment, least=share.least, most=share.most)
        for segment in of_main_track
        if (share := _share(segment, track, played)) is not None
    ]
    SegmentSpeech.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["segment"],
        update_fields=["least", "most"],
    )


def _recordings_of(segments: Iterable[Segment]) -> Mapping[int, SpeechTrack]:
    recordings = {segment.detection.recording_id for segment in segments}
    rows = RecordingSpeech._base_manager.filter(recording__in=recordings)
    return {
        recording: SpeechTrack(bytes(halves))
        for recording, halves in rows.values_list("recording", "halves")
    }


def _share(segment: Segment, track: SpeechTrack, played: Mapping[int, SpeechTrack]) -> Share | None:
    reference = segment.reference_start_ms, segment.reference_end_ms
    recording = played.get(segment.detection.recording_id, NO_TRACK)
    return track.speech_over(segment.start_ms, segment.end_ms, recording, reference)
