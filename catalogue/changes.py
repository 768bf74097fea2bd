"""What is done to buckets and recordings that are there: change, move, take out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.core.files.base import File
from django.db import transaction
from django.db.models import QuerySet

import audit.services
from accounts.models import User
from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    Recording,
    RecordingStatus,
)
from catalogue.reindexing import change_index
from catalogue.services import keep_audio
from catalogue.tasks import enqueue_fingerprinting
from common.leases import NO_LEASE

_AT_REST = (RecordingStatus.READY, RecordingStatus.ERROR)
_OF_AUDIO = (
    *("source_url", "audio", "audio_name", "audio_sha256", "audio_bytes"),
    *("fingerprint", "waveform", "proxy"),
)


class ChangeRefused(Exception):
    """The change cannot be made; nothing was changed. ``code`` is for API clients."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def update_bucket(
    *, bucket: Bucket, columns: Mapping[str, object], user: User | None
) -> None:
    """Write new values of a bucket's columns."""
    before = {name: getattr(bucket, name) for name in columns}
    for name, value in columns.items():
        setattr(bucket, name, value)
    with transaction.atomic():
        bucket.save(update_fields=[*columns, "updated_at"])
        audit.services.record(
            case=f"bucket:{bucket.pk}",
            action="bucket.changed",
            actor=user or audit.services.SYSTEM,
            before=before,
            after=dict(columns),
        )


def delete_bucket(*, bucket: Bucket, user: User | None) -> None:
    """Take a bucket and its recordings out of every search and list.

    The rows stay, because matches point to them; nothing searches the bucket any
    more, so its part of the index needs no change.
    """
    if bucket.pk == ACRCLOUD_MUSIC_BUCKET_ID:
        raise ChangeRefused(
            "reserved_bucket", f"{bucket.name} is reserved and cannot be deleted."
        )
    with transaction.atomic():
        now = datetime.now(tz=UTC)
        bucket.containers.clear()
        retired = bucket.recordings.exclude(status=RecordingStatus.RETIRED).update(
            status=RecordingStatus.RETIRED, updated_at=now, **NO_LEASE
        )
        Bucket.objects.filter(pk=bucket.pk).update(deleted_at=now)
        audit.services.record(
            case=f"bucket:{bucket.pk}",
            action="bucket.deleted",
            actor=user or audit.services.SYSTEM,
            before={"name": bucket.name, "recordings": retired},
        )


def update_recording(
    *, recording: Recording, columns: Mapping[str, object], user: User | None
) -> None:
    """Write new values of a recording's metadata."""
    before = {name: getattr(recording, name) for name in columns}
    for name, value in columns.items():
        setattr(recording, name, value)
    with transaction.atomic():
        recording.save(update_fields=[*columns, "updated_at"])
        audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.changed",
            actor=user or audit.services.SYSTEM,
            before=before,
            after=dict(columns),
        )


def retire_recordings(*, recordings: Sequence[Recording], user: User | None) -> None:
    """Take recordings out of the search; their matches and history stay."""
    with transaction.atomic():
        for recording in recordings:
            Recording.objects.filter(pk=recording.pk).update(
                status=RecordingStatus.RETIRED,
                updated_at=datetime.now(tz=UTC),
                **NO_LEASE,
            )
            _record_and_reindex(recording, "recording.retired", {}, user)


def move_recordings(
    *, recordings: Sequence[Recording], target: Bucket, user: User | None
) -> None:
    """Move recordings to another bucket, all or none; ids stay.

    Raises ``ChangeRefused`` where the customer's id of one would be there twice.
    """
    with transaction.atomic():
        Bucket.all_objects.select_for_update().get(pk=target.pk)
        _refuse_ids_twice(recordings, target)
        for recording in recordings:
            Recording.objects.filter(pk=recording.pk).update(
                bucket=target, updated_at=datetime.now(tz=UTC)
            )
            _record_and_reindex(
                recording, "recording.moved", {"bucket": target.pk}, user
            )


def refingerprint(*, recording: Recording, user: User | None) -> None:
    """Make a recording's fingerprint anew from its audio.

    What came as a fingerprint and could not be put into the index is put there again.
    """
    broke_off = recording.status == RecordingStatus.ERROR and recording.fingerprint
    if not (recording.audio or recording.source_url or broke_off):
        raise ChangeRefused(
            "no_audio",
            f"{recording.title} has no audio here; upload it to fingerprint it anew.",
        )
    with transaction.atomic():
        if not _made_waiting(recording):
            raise _not_ready(recording)
        audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.refingerprinted",
            actor=user or audit.services.SYSTEM,
        )
        transaction.on_commit(lambda: enqueue_fingerprinting(recording))


def replace_audio(
    *,
    recording: Recording,
    audio: File[bytes] | None = None,
    source_url: str = "",
    user: User | None,
) -> None:
    """Give a recording other audio, or a link to it, and fingerprint it anew."""
    if recording.status not in _AT_REST:
        raise _not_ready(recording)
    recording.source_url = source_url
    recording.audio = recording.audio_name = recording.audio_sha256 = ""
    recording.audio_bytes = 0
    recording.fingerprint = recording.waveform = recording.proxy = ""
    if audio is not None:
        keep_audio(recording, audio)
    with transaction.atomic():
        columns = {name: getattr(recording, name) for name in _OF_AUDIO}
        if not _made_waiting(recording, **columns):
            raise _not_ready(recording)
        audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.audio_replaced",
            actor=user or audit.services.SYSTEM,
            after={"sha256": recording.audio_sha256, "url": source_url},
        )
        transaction.on_commit(lambda: enqueue_fingerprinting(recording))


def _made_waiting(recording: Recording, **columns: object) -> bool:
    """Have a recording that is at rest fingerprinted anew; tell whether it was."""
    at_rest = Recording.objects.filter(pk=recording.pk, status__in=_AT_REST)
    return bool(
        at_rest.update(
            status=RecordingStatus.WAITING,
            status_message="",
            attempts=0,
            updated_at=datetime.now(tz=UTC),
            **NO_LEASE,
            **columns,
        )
    )


def _not_ready(recording: Recording) -> ChangeRefused:
    return ChangeRefused(
        "not_ready", f"{recording.title} is being fingerprinted, or is retired."
    )


def _refuse_ids_twice(recordings: Sequence[Recording], target: Bucket) -> None:
    wanted = Counter(
        recording.custom_id
        for recording in recordings
        if recording.custom_id and recording.bucket_id != target.pk
    )
    living: QuerySet[Recording] = target.recordings.exclude(
        status=RecordingStatus.RETIRED
    )
    taken = living.filter(custom_id__in=wanted).values_list("custom_id", flat=True)
    twice = {*taken, *(each for each, number in wanted.items() if number > 1)}
    if twice:
        raise ChangeRefused(
            "custom_id_taken",
            f"{target.name} would have more than one recording with these ids: "
            f"{', '.join(sorted(twice)[:10])}. Nothing was moved.",
        )


def _record_and_reindex(
    recording: Recording, action: str, after: dict[str, object], user: User | None
) -> None:
    left = recording.bucket_id
    audit.services.record(
        case=f"recording:{recording.uid}",
        action=action,
        actor=user or audit.services.SYSTEM,
        before={"bucket": left, "status": recording.status},
        after=after,
    )
    change_index(recording_id=recording.pk, left_bucket_id=left)
