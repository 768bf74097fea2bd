"""What is done to buckets and recordings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.core.files.base import File
from django.db import transaction

import audit.services
from accounts.models import User
from catalogue.identifiers import check_isrc, check_iswc, check_upc
from catalogue.models import Bucket, IntakeRule, Recording, RecordingStatus
from catalogue.tasks import fingerprint_recording
from common.leases import NO_LEASE
from common.storage import display_name, keep_file


@dataclass(frozen=True, slots=True)
class RecordingDetails:
    """What people say about a recording."""

    title: str
    custom_id: str = ""
    version_title: str = ""
    artists: list[str] = field(default_factory=list)
    album: str = ""
    label: str = ""
    release_date: str = ""
    isrc: str = ""
    upc: str = ""
    iswc: str = ""


def create_bucket(
    *, name: str, intake_rule: str = IntakeRule.ASK, user: User | None = None
) -> Bucket:
    """Create a bucket and say so in the audit trail."""
    with transaction.atomic():
        bucket = Bucket.objects.create(
            name=name, intake_rule=intake_rule, created_by=user
        )
        audit.services.record(
            case=f"bucket:{bucket.pk}",
            action="bucket.created",
            actor=user or audit.services.SYSTEM,
            after={"name": name},
        )
    return bucket


def add_recording(
    *,
    bucket: Bucket,
    details: RecordingDetails,
    audio: File[bytes],
    user: User | None = None,
) -> Recording:
    """Keep a recording and its audio; a worker fingerprints it.

    Raises ``BadIdentifier`` for a UPC or ISWC that cannot be right.
    """
    isrc = check_isrc(details.isrc)
    recording = Recording(
        bucket=bucket,
        custom_id=details.custom_id,
        title=details.title,
        version_title=details.version_title,
        artists=details.artists,
        album=details.album,
        label=details.label,
        release_date=details.release_date,
        isrc=details.isrc,
        isrc_normalised=isrc.normalised,
        isrc_status=isrc.status,
        upc=check_upc(details.upc),
        iswc=check_iswc(details.iswc),
        added_by=user,
    )
    stored = keep_file(audio, f"recordings/{recording.acr_id[:2]}/{recording.acr_id}")
    recording.audio = stored.name
    recording.audio_name = display_name(audio.name or "", otherwise=recording.acr_id)
    recording.audio_sha256 = stored.sha256
    recording.audio_bytes = stored.size_bytes
    with transaction.atomic():
        recording.save()
        audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.added",
            actor=user or audit.services.SYSTEM,
            after={"title": recording.title, "bucket": bucket.pk},
        )
        transaction.on_commit(lambda: fingerprint_recording.enqueue(recording.pk))
    return recording


def requeue_stale_recordings(*, max_attempts: int) -> int:
    """Hand out again what a killed worker or a lost queue entry left behind."""
    now = datetime.now(tz=UTC)
    stale = Recording.objects.filter(
        status=RecordingStatus.PROCESSING, lease_until__lt=now
    )
    stale.filter(attempts__gte=max_attempts).update(
        status=RecordingStatus.ERROR,
        status_message="Fingerprinting was interrupted too often.",
        **NO_LEASE,
    )
    ids = list(stale.values_list("pk", flat=True))
    Recording.objects.filter(pk__in=ids, status=RecordingStatus.PROCESSING).update(
        status=RecordingStatus.WAITING, **NO_LEASE
    )
    for recording_id in ids:
        fingerprint_recording.enqueue(recording_id)
    return len(ids)
