"""Judges speech and music of files that were scanned before the net of today.

It needs their stored fingerprints only. Recordings come first, because speech that a
recording holds itself does not lie over its plays.
"""

from __future__ import annotations

import logging
from time import monotonic

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from base.common.outages import outage_of
from base.jobs import clock
from base.jobs.context import JobContext
from base.jobs.services import submit
from catalogue import speech as recordings
from catalogue.jobs import SPEECH as RECORDINGS_SPEECH
from recognition.fingerprints.file_format import scan_layer
from recognition.speech.judging import judge
from recognition.speech_track import NET, NO_TRACK, SpeechTrack
from scanning import speech
from scanning.choices import EngineChoice, ScanStatus
from scanning.engines import embedded
from scanning.fingerprints import kept_fingerprint
from scanning.jobs import SPEECH
from scanning.models import Scan, ScannedFile, Segment
from scanning.parts import surroundings_of

logger = logging.getLogger(__name__)

# Long enough to judge a programme of days, short enough to let people go first.
SLICE_SECONDS = 20.0


def plan() -> None:
    """Ask for the judgement of recordings, and then of files, that today's net has not
    judged.
    """
    if recordings.unjudged().exists():
        submit(RECORDINGS_SPEECH, None)
    elif _unjudged().exists():
        submit(SPEECH, None)


def run(context: JobContext) -> None:
    """Judge file after file for one slice of time; the rest waits for the next one."""
    began = monotonic()
    while (scan := _unjudged().select_related("scanned_file").first()) is not None:
        context.report()
        _judge(scan)
        if monotonic() - began >= SLICE_SECONDS:
            context.wait_until(clock.now())


def _unjudged() -> QuerySet[Scan]:
    """Return the newest full scan of each file whose track is missing or outdated."""
    full = Scan.objects.full().filter(status=ScanStatus.SUCCEEDED, engine=EngineChoice.EMBEDDED)
    newer = full.filter(scanned_file=OuterRef("scanned_file"), pk__gt=OuterRef("pk"))
    with_fingerprint = full.filter(scanned_file__deleted_at__isnull=True).exclude(
        scanned_file__fingerprint=""
    )
    return with_fingerprint.exclude(speech__net=NET).exclude(Exists(newer)).order_by("pk")


def _judge(scan: Scan) -> None:
    track = _track_of(scan.scanned_file)
    # Later scans of the file hear the same sound.
    segments = Segment.objects.filter(
        detection__scan__scanned_file=scan.scanned_file_id, detection__scan__gte=scan.pk
    )
    with transaction.atomic():
        speech.keep_track(scan, track)
        divided = embedded.divided_again(scan.unmatched, track)
        Scan.objects.filter(pk=scan.pk).update(unmatched=divided)
        speech.estimate(segments.select_related("detection"), track)
        speech.speech_judged.send(sender=Scan, scan=scan)


def _track_of(file: ScannedFile) -> SpeechTrack:
    """Return the track of a file; an empty one if its fingerprint cannot be read."""
    try:
        query = kept_fingerprint(file)
    except OSError as error:
        if outage_of(error) is not None:
            raise
        logger.warning("%s has no fingerprint to judge: %s", file.uid, error)
        query = None
    if query is None:
        return NO_TRACK
    around = surroundings_of(file)
    if around is None:
        return judge(scan_layer(query)[1])
    return around.trim_speech(judge(scan_layer(around.widen(query))[1]))
