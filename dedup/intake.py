"""Adding a recording: compare with what is there first, then as the bucket says."""

from __future__ import annotations

from django.core.files.base import File

from accounts.models import User
from catalogue import services
from catalogue.models import Bucket, IntakeRule, Recording
from catalogue.services import RecordingDetails
from common.storage import sha256_of

_REFUSING = (IntakeRule.REJECT, IntakeRule.ASK)


class AlreadyInCatalogue(Exception):
    """The recording is there already; the text names it. Nothing was added.

    ``field`` is the form's field that the collision is about.
    """

    def __init__(self, message: str, *, existing: Recording, field: str) -> None:
        self.existing = existing
        self.field = field
        super().__init__(message)


def add_recording(
    *,
    bucket: Bucket,
    details: RecordingDetails,
    audio: File[bytes],
    user: User | None = None,
) -> Recording:
    """Add a recording unless its id or its very file is in the bucket already.

    Buckets whose rule is to reject or to ask refuse the same file; the other rules
    take it. Raises ``AlreadyInCatalogue`` and ``BadIdentifier``.
    """
    _refuse_same_id(bucket, details.custom_id)
    if bucket.intake_rule in _REFUSING:
        _refuse_same_file(bucket, audio)
    return services.add_recording(
        bucket=bucket, details=details, audio=audio, user=user
    )


def _refuse_same_id(bucket: Bucket, custom_id: str) -> None:
    if not custom_id:
        return
    existing = bucket.recordings.filter(custom_id=custom_id).first()
    if existing is not None:
        raise AlreadyInCatalogue(
            f"The id {custom_id} belongs to {existing} in {bucket.name}. "
            "Nothing was added.",
            existing=existing,
            field="custom_id",
        )


def _refuse_same_file(bucket: Bucket, audio: File[bytes]) -> None:
    existing = bucket.recordings.filter(audio_sha256=sha256_of(audio)).first()
    if existing is not None:
        raise AlreadyInCatalogue(
            f"This very file is in {bucket.name} already, as {existing}. "
            "Nothing was added.",
            existing=existing,
            field="audio",
        )
