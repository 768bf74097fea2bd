"""Identifying a short clip at once, without keeping anything of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.core.files.base import File

from catalogue.models import Recording
from common.fingerprint_files import looks_like_fingerprint, read_fingerprint
from common.media_analysis import decode_limits, fingerprint_upload, refusal
from recognition.errors import RecognitionError
from recognition.types import Fingerprint
from scanning.engines import embedded
from scanning.engines.base import FoundRecording
from scanning.models import Project

# A clip is seconds long; what is longer than this is no clip.
_MAX_CLIP_MS = 30 * 60_000
_MIN_CLIP_MS = 1_000
_LAST_USE_STEP = timedelta(minutes=1)


def find_project(access_key: str) -> Project | None:
    """Return the usable project with this key."""
    project = Project.objects.filter(
        access_key=access_key, revoked_at__isnull=True
    ).first()
    now = datetime.now(tz=UTC)
    if project is not None and (
        project.last_used_at is None or now - project.last_used_at >= _LAST_USE_STEP
    ):
        Project.objects.filter(pk=project.pk).update(last_used_at=now)
    return project


def identify(
    *, project: Project, sample: File[bytes]
) -> list[tuple[Recording, FoundRecording]]:
    """Return the recordings that sound in a clip, best first.

    Raises ``AudioRefused`` for a clip that gives no fingerprint.
    """
    bucket_ids = list(project.buckets.values_list("pk", flat=True))
    found = embedded.identify(bucket_ids, _fingerprint(sample))
    recordings = Recording.objects.in_bulk([one.recording_id for one in found])
    return [
        (recordings[one.recording_id], one)
        for one in found
        if one.recording_id in recordings
    ]


def _fingerprint(sample: File[bytes]) -> Fingerprint:
    if looks_like_fingerprint(sample):
        return read_fingerprint(sample, needs_scan_layer=True)
    limits = replace(
        decode_limits(), min_duration_ms=_MIN_CLIP_MS, max_duration_ms=_MAX_CLIP_MS
    )
    try:
        return fingerprint_upload(sample, layer="scan", limits=limits)
    except RecognitionError as error:
        raise refusal(error, "The sample") from error
