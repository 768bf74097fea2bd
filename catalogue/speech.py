"""Judges where recordings have speech themselves, as far as their audio is here."""

from __future__ import annotations

import logging
from time import monotonic

from django.db.models import QuerySet

from base.common.media_analysis import decode_limits
from base.common.outages import outage_of
from base.common.storage import local_path
from base.jobs import clock
from base.jobs.context import JobContext
from catalogue.models import Recording, RecordingSpeech, RecordingStatus
from recognition.audio.analysis import analyse_file
from recognition.errors import RecognitionError
from recognition.fingerprints.file_format import scan_layer
from recognition.speech.judging import judge
from recognition.speech_track import NET, NO_TRACK, SpeechTrack
from recognition.types import Fingerprint

logger = logging.getLogger(__name__)

SLICE_SECONDS = 20.0


def unjudged() -> QuerySet[Recording]:
    """Return the recordings with audio that today's net has not judged."""
    ready = Recording._base_manager.filter(status=RecordingStatus.READY).exclude(audio="")
    return ready.exclude(speech__net=NET).order_by("pk")


def run(context: JobContext) -> None:
    """Judge one recording after another for one slice of time."""
    began = monotonic()
    while (recording := unjudged().first()) is not None:
        context.report()
        _keep(recording, _track_of(recording))
        if monotonic() - began >= SLICE_SECONDS:
            context.wait_until(clock.now())


def keep_track(recording: Recording, fingerprint: Fingerprint) -> None:
    """Store where a recording has speech and music; the fingerprint has both layers."""
    _keep(recording, judge(scan_layer(fingerprint)[1]))


def _keep(recording: Recording, track: SpeechTrack) -> None:
    RecordingSpeech._base_manager.update_or_create(
        recording=recording, defaults={"net": NET, "halves": track.halves}
    )


def _track_of(recording: Recording) -> SpeechTrack:
    """Return the track of a recording; an empty one if its audio cannot be read."""
    try:
        with local_path(recording.audio) as path:
            sound = analyse_file(path, layers=frozenset({"scan"}), limits=decode_limits())
    except (RecognitionError, OSError) as error:
        if outage_of(error) is not None:
            raise
        logger.warning("%s has no audio to judge: %s", recording.uid, error)
        return NO_TRACK
    return judge(scan_layer(sound.fingerprint)[1])
