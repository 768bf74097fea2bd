"""Add buckets and recordings; ``changes`` changes existing ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files.base import File
from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import refuse_limited, working_for
from base.common.storage import delete_files, display_name, keep_bytes, keep_file, kept_only_if_done
from catalogue.fingerprinting import fingerprint_later
from catalogue.identifiers import check_isrc, check_iswc, check_upc
from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    IntakeRule,
    Recording,
    RecordingStatus,
)
from recognition.fingerprints.file_format import to_bytes
from recognition.types import Fingerprint


def create_bucket(
    *, name: str, intake_rule: str = IntakeRule.ASK, user: User | None = None, **columns: object
) -> Bucket:
    """Create a bucket and record it in the audit trail.

    ``columns`` are further columns: type, region, labels and so on. Raises
    ``PermissionDenied`` if access limits would hide the bucket from the user.
    """
    refuse_limited(user)
    with transaction.atomic():
        bucket = Bucket.objects.create(
            name=name, intake_rule=intake_rule, created_by=user, **columns
        )
        base.audit.services.record(
            case=f"bucket:{bucket.pk}",
            action="bucket.created",
            actor=user or base.audit.services.SYSTEM,
            after={"name": name},
        )
    return bucket


def add_recording(
    *,
    bucket: Bucket,
    details: Recording,
    audio: File[bytes] | None = None,
    fingerprint: Fingerprint | None = None,
    source_url: str = "",
    user: User | None = None,
) -> Recording:
    """Add a recording with the columns of ``details``; a worker fingerprints and indexes it.

    It comes as audio, as a checked fingerprint, or as a link that the worker downloads.
    Raises ``BadIdentifier`` for an invalid UPC or ISWC.
    """
    with new_recording(
        bucket=bucket, details=details, audio=audio, fingerprint=fingerprint
    ) as recording:
        recording.source_url = source_url
        save_new(recording=recording, user=user)
    return recording


@contextmanager
def new_recording(
    *,
    bucket: Bucket,
    details: Recording,
    audio: File[bytes] | None = None,
    sha256: str = "",
    fingerprint: Fingerprint | None = None,
    heard: Fingerprint | None = None,
) -> Iterator[Recording]:
    """Yield a recording that is not saved, whose files are stored.

    Storing is slow, so it comes before the transaction that saves the row; if the block
    fails or saves nothing, the files are deleted. ``heard`` is the fingerprint of ``audio``, which makes
    the recording searchable before a worker has analysed it. Raises ``BadIdentifier``.
    """
    recording = Recording(bucket=bucket, **detail_columns(details))
    with kept_only_if_done() as names:
        if audio is not None:
            keep_audio(recording, audio, sha256=sha256)
            names.append(str(recording.audio))
        if fingerprint is not None:
            content = keep_landmarks(recording, fingerprint)
            recording.duration_ms = fingerprint.duration_ms
            recording.audio_sha256 = hashlib.sha256(content).hexdigest()
            recording.audio_bytes = len(content)
        elif heard is not None:
            keep_landmarks(recording, heard)
        names.append(str(recording.fingerprint))
        yield recording
        if recording._state.adding:
            delete_files(names)


def save_new(*, recording: Recording, user: User | None) -> None:
    """Save a recording whose files are stored; a worker fingerprints and indexes it."""
    recording.added_by = user
    with transaction.atomic():
        recording.save()
        base.audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.added",
            actor=user or base.audit.services.SYSTEM,
            after={"title": recording.title, "bucket": recording.bucket_id},
        )
        fingerprint_later(recording, user)


def reserved_bucket() -> Bucket:
    """Return bucket 23, which represents the cloud's own catalogue; created if missing."""
    bucket, _made = Bucket.objects.get_or_create(
        pk=ACRCLOUD_MUSIC_BUCKET_ID, defaults={"name": "ACRCloud Music"}
    )
    return bucket


def add_stub(recording: Recording) -> Recording:
    """Save a recording that only a cloud engine knows as a stub, with codes checked."""
    isrc = check_isrc(recording.isrc)
    recording.bucket = reserved_bucket()
    recording.status = RecordingStatus.STUB
    recording.isrc_normalised = isrc.normalised
    recording.isrc_status = isrc.status
    recording.save()
    return recording


class IdTaken(Exception):
    """The recording of an ``acr_id`` is elsewhere in the catalogue, or not a stub."""

    def __init__(self, existing: Recording) -> None:
        self.existing = existing
        super().__init__(
            _("%(name)s in %(bucket)s has this ACR id already.")
            % {"name": existing, "bucket": existing.bucket.name}
        )


def add_waiting_recording(
    *, bucket: Bucket, details: Recording, acr_id: str, duration_ms: int, user: User | None
) -> Recording:
    """Add a recording that waits for its audio, under the id that another server gave it.

    If results named the recording before, its row in bucket 23 moves to ``bucket``, and
    a retired row without audio returns: matches and callbacks meet in one row. Raises
    ``IdTaken`` for any other row of that id, and ``BadIdentifier``.
    """
    with transaction.atomic(), working_for(None):
        rows = Recording.objects.select_for_update(of=("self",))
        existing = rows.filter(acr_id=acr_id).first()
        if existing is not None and not _may_wait(existing):
            raise IdTaken(existing)
        recording = existing or Recording(acr_id=acr_id, added_by=user)
        before = {"bucket": existing.bucket_id, "status": existing.status} if existing else {}
        for name, value in detail_columns(details).items():
            setattr(recording, name, value)
        recording.bucket, recording.status = bucket, RecordingStatus.STUB
        recording.duration_ms = duration_ms
        recording.save()
        base.audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.awaited" if existing else "recording.added",
            actor=user or base.audit.services.SYSTEM,
            before=before,
            after={"title": recording.title, "bucket": bucket.pk, "waits_for_audio": True},
        )
    return recording


def _may_wait(recording: Recording) -> bool:
    """Tell whether a row holds nothing but the name of a recording elsewhere."""
    if recording.audio or recording.fingerprint or recording.source_url:
        return False
    if recording.status == RecordingStatus.STUB:
        return recording.bucket_id == ACRCLOUD_MUSIC_BUCKET_ID
    return recording.status == RecordingStatus.RETIRED and recording.merged_into is None


def detail_columns(details: Recording) -> dict[str, Any]:
    """Return what people state of a recording, with codes checked. Any: a column's value."""
    isrc = check_isrc(details.isrc)
    return {
        **{name: getattr(details, name) for name in (*Recording.DETAILS, "user_defined")},
        "isrc_normalised": isrc.normalised,
        "isrc_status": isrc.status,
        "upc": check_upc(details.upc),
        "iswc": check_iswc(details.iswc),
    }


def keep_audio(recording: Recording, audio: File[bytes], *, sha256: str = "") -> None:
    """Store a recording's audio; the row is not saved."""
    stored = keep_file(
        audio, f"recordings/{recording.acr_id[:2]}/{recording.acr_id}", sha256=sha256
    )
    recording.audio = stored.name
    recording.audio_name = display_name(audio.name or "", otherwise=recording.acr_id)
    recording.audio_sha256 = stored.sha256
    recording.audio_bytes = stored.size_bytes


def keep_landmarks(recording: Recording, heard: Fingerprint) -> bytes:
    """Store the fingerprint of a recording's audio; the row is not saved.

    An earlier fingerprint stays: until the row is saved, searches read that.
    """
    content, key = to_bytes(heard), recording.acr_id
    recording.fingerprint = keep_bytes(f"fingerprints/{key[:2]}/{key}.acrfp", content)
    return content
