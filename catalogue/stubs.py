"""Recordings that only a cloud engine knows: names in bucket 23, without audio."""

from __future__ import annotations

from catalogue.identifiers import check_isrc
from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    Recording,
    RecordingStatus,
)


def reserved_bucket() -> Bucket:
    """Return bucket 23, which represents the cloud's own catalogue; created if missing."""
    bucket, _ = Bucket.objects.get_or_create(
        pk=ACRCLOUD_MUSIC_BUCKET_ID, defaults={"name": "ACRCloud Music"}
    )
    return bucket


def make_stub(recording: Recording) -> Recording:
    """Save a recording described by a cloud engine as a stub, with codes checked."""
    isrc = check_isrc(recording.isrc)
    recording.bucket = reserved_bucket()
    recording.status = RecordingStatus.STUB
    recording.isrc_normalised = isrc.normalised
    recording.isrc_status = isrc.status
    recording.save()
    return recording


def own_recording_with_isrc(isrc: str) -> Recording | None:
    """Return our recording with this ISRC; the oldest if several have it."""
    normalised = check_isrc(isrc).normalised
    if not normalised:
        return None
    return (
        Recording.objects.filter(
            isrc_normalised=normalised, status=RecordingStatus.READY
        )
        .order_by("pk")
        .first()
    )
