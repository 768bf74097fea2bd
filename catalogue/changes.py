"""Change, move and retire existing buckets and recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain

from django.core.files.base import File
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.standing import as_event, standing_on
from base.common.batches import batched
from base.common.storage import kept_only_if_done
from base.jobs.services import submit
from catalogue import index_store
from catalogue.artist_ids import drop_moved, store_artist_ids
from catalogue.fingerprinting import fingerprint_later, note_sound, refresh_fingerprint
from catalogue.index_log import note_change
from catalogue.jobs import RENDITION
from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    IndexEntry,
    Recording,
    RecordingStatus,
)
from catalogue.services import keep_audio, keep_landmarks
from catalogue.signals import recordings_changed
from recognition.types import Fingerprint

_AT_ONCE = 500
# While a recording waits or is fingerprinted, a worker owns its files.
_AT_REST = (RecordingStatus.READY, RecordingStatus.ERROR)
_OF_AUDIO = (
    "source_url",
    "audio",
    "audio_name",
    "audio_sha256",
    "audio_bytes",
    "fingerprint",
    "waveform",
    "proxy",
)


class ChangeRefused(Exception):
    """The change cannot be made; nothing was changed. ``code`` is for API clients."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def update_bucket(*, bucket: Bucket, columns: Mapping[str, object], user: User | None) -> None:
    """Write new values to columns of a bucket."""
    before = {name: getattr(bucket, name) for name in columns}
    for name, value in columns.items():
        setattr(bucket, name, value)
    with transaction.atomic():
        bucket.save(update_fields=[*columns, "updated_at"])
        base.audit.services.record(
            case=f"bucket:{bucket.pk}",
            action="bucket.changed",
            actor=user or base.audit.services.SYSTEM,
            before=before,
            after=dict(columns),
        )


def delete_bucket(*, bucket: Bucket, user: User | None) -> None:
    """Remove a bucket and its recordings from every search and list.

    The rows stay, because matches refer to them. The bucket is no longer searched, so
    copies of the index that hold it need no change, and new ones leave it out.
    """
    if bucket.pk == ACRCLOUD_MUSIC_BUCKET_ID:
        raise ChangeRefused(
            "reserved_bucket",
            _("%(name)s is reserved and cannot be deleted.") % {"name": bucket.name},
        )
    with transaction.atomic():
        now = datetime.now(tz=UTC)
        with working_for(None):
            stated = standing_on(
                f"recording:{uid}" for uid in bucket.recordings.values_list("uid", flat=True)
            )
        # Containers must not search a bucket that is gone.
        bucket.containers.clear()
        searched = bucket.recordings.exclude(status=RecordingStatus.RETIRED)
        before = dict(searched.values_list("pk", "status"))
        searched.update(status=RecordingStatus.RETIRED, updated_at=now)
        IndexEntry.objects.filter(bucket=bucket).delete()
        Bucket.objects.present().filter(pk=bucket.pk).update(deleted_at=now)
        base.audit.services.record(
            case=f"bucket:{bucket.pk}",
            action="bucket.deleted",
            actor=user or base.audit.services.SYSTEM,
            before={"name": bucket.name, "recordings": len(before)},
            after=as_event(dict.fromkeys(chain.from_iterable(stated.values()))),
        )
        # A bucket can hold hundreds of thousands of recordings.
        for some in batched(before.items(), _AT_ONCE):
            recordings_changed.send(
                sender=Recording,
                before={key: {"status": status} for key, status in some},
                user=user,
            )


def update_recording(
    *, recording: Recording, columns: Mapping[str, object], user: User | None, note: str = ""
) -> None:
    """Write new values to columns of a recording; ``note`` says where they come from.

    ``artist_ids``, which has rows of its own, is written like a column.
    """
    before = {name: getattr(recording, name) for name in columns}
    own = {name: value for name, value in columns.items() if name != "artist_ids"}
    for name, value in own.items():
        setattr(recording, name, value)
    with transaction.atomic():
        recording.save(update_fields=[*own, "updated_at"])
        if "artists" in own:
            drop_moved(recording, before["artists"])
        if "artist_ids" in columns:
            store_artist_ids(recording, str(columns["artist_ids"]))
        base.audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.changed",
            actor=user or base.audit.services.SYSTEM,
            before=before,
            after=dict(columns),
            note=note,
        )
        recordings_changed.send(sender=Recording, before={recording.pk: before}, user=user)


def retire_recordings(*, recordings: Sequence[Recording], user: User | None) -> None:
    """Remove recordings from search; their matches and history stay.

    The event of each keeps the statements that stand on it.
    """
    with transaction.atomic():
        # Also those that the person may not see.
        with working_for(None):
            stated = standing_on(f"recording:{recording.uid}" for recording in recordings)
        for recording in recordings:
            Recording.objects.filter(pk=recording.pk).update(
                status=RecordingStatus.RETIRED, updated_at=datetime.now(tz=UTC)
            )
            standing = as_event(stated.get(f"recording:{recording.uid}", ()))
            _record_leaving(recording, "recording.retired", standing, user)
        note_change(recording.pk for recording in recordings)
        recordings_changed.send(
            sender=Recording,
            before={recording.pk: {"status": recording.status} for recording in recordings},
            user=user,
        )


def move_recordings(*, recordings: Sequence[Recording], target: Bucket, user: User | None) -> None:
    """Move recordings to another bucket, all or none; their ids stay.

    Raises ``ChangeRefused`` if the bucket was deleted, or if two recordings
    in it would have the same custom id.
    """
    with transaction.atomic():
        # Locks out a deletion of the bucket and other moves into it.
        locked = Bucket.objects.select_for_update().get(pk=target.pk)
        if locked.deleted_at is not None:
            raise ChangeRefused(
                "unknown_bucket",
                _("%(name)s was deleted. Nothing was moved: choose another bucket.")
                % {"name": target.name},
            )
        _refuse_ids_twice(recordings, target)
        for recording in recordings:
            Recording.objects.filter(pk=recording.pk).update(
                bucket=target, updated_at=datetime.now(tz=UTC)
            )
            _record_leaving(recording, "recording.moved", {"bucket": target.pk}, user)
        note_change(recording.pk for recording in recordings)
        recordings_changed.send(
            sender=Recording,
            before={recording.pk: {"bucket_id": recording.bucket_id} for recording in recordings},
            user=user,
        )


def add_audio(*, recording: Recording, audio: File[bytes]) -> None:
    """Add audio to a recording that came as a fingerprint; it stays searchable.

    Decodes the audio, so only workers call it. Raises ``AudioRefused``.
    """
    keep_audio(recording, audio)
    refresh_fingerprint(recording)
    postings = index_store.postings_of(recording)
    with transaction.atomic():
        recording.save(update_fields=["audio", "audio_name", "audio_sha256", "audio_bytes"])
        base.audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.audio_added",
            after={"sha256": recording.audio_sha256},
        )
        note_sound(recording, postings)
        note_change([recording.pk])
        submit(RENDITION, recording)


def refingerprint(*, recording: Recording, user: User | None) -> None:
    """Make a recording's fingerprint again from its audio.

    A recording that came as a fingerprint and failed to reach the index is indexed
    again.
    """
    interrupted = recording.status == RecordingStatus.ERROR and recording.fingerprint
    if not (recording.audio or recording.source_url or interrupted):
        raise ChangeRefused(
            "no_audio",
            _("%(title)s has no stored audio. Upload the audio, then fingerprint it again.")
            % {"title": recording.title},
        )
    with transaction.atomic():
        # Compare-and-set: a worker may have taken the recording since the page was
        # shown.
        if not _queue_for_worker(recording):
            raise _not_ready(recording)
        base.audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.refingerprinted",
            actor=user or base.audit.services.SYSTEM,
        )
        fingerprint_later(recording, user)


def may_refingerprint(recording: Recording) -> bool:
    """Tell whether a recording has audio and no worker owns its files."""
    return _is_at_rest(recording) and bool(recording.audio or recording.source_url)


def refuse_unready(recording: Recording) -> None:
    """Raise ``ChangeRefused`` while a recording cannot get new audio."""
    if not _is_at_rest(recording):
        raise _not_ready(recording)


def _is_at_rest(recording: Recording) -> bool:
    return recording.status in _AT_REST or waits_for_audio(recording)


def waits_for_audio(recording: Recording) -> bool:
    """Tell whether a recording of ours has no audio yet."""
    is_stub = recording.status == RecordingStatus.STUB
    return is_stub and recording.bucket_id != ACRCLOUD_MUSIC_BUCKET_ID


@contextmanager
def other_audio(
    *,
    recording: Recording,
    audio: File[bytes] | None,
    sha256: str = "",
    heard: Fingerprint | None = None,
    source_url: str = "",
) -> Iterator[None]:
    """Store other audio of a recording, for the block to save.

    As with ``services.new_recording``, the files are stored before the transaction, and
    deleted if the block fails.
    """
    refuse_unready(recording)
    recording.source_url = source_url
    recording.audio = recording.audio_name = recording.audio_sha256 = ""
    recording.audio_bytes = 0
    recording.fingerprint = recording.waveform = recording.proxy = ""
    with kept_only_if_done() as names:
        if audio is not None:
            keep_audio(recording, audio, sha256=sha256)
            names.append(str(recording.audio))
        if heard is not None:
            keep_landmarks(recording, heard)
            names.append(str(recording.fingerprint))
        yield


def save_other_audio(*, recording: Recording, user: User | None) -> None:
    """Save the other audio of a recording, and fingerprint it again."""
    was_waiting = waits_for_audio(recording)
    with transaction.atomic():
        columns = {name: getattr(recording, name) for name in _OF_AUDIO}
        if not _queue_for_worker(recording, **columns):
            raise _not_ready(recording)
        base.audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.audio_given" if was_waiting else "recording.audio_replaced",
            actor=user or base.audit.services.SYSTEM,
            after={"sha256": recording.audio_sha256, "url": recording.source_url},
        )
        note_change([recording.pk])
        fingerprint_later(recording, user)


def take_audio_back(*, recording: Recording, user: User | None) -> None:
    """Let a recording wait for its audio again; the audio that it was given is dropped.

    Raises ``ChangeRefused`` while a worker has it.
    """
    columns: dict[str, object] = dict.fromkeys(_OF_AUDIO, "") | {"audio_bytes": 0}
    with transaction.atomic():
        rows = Recording.objects.filter(pk=recording.pk, status__in=_AT_REST)
        if not rows.update(
            status=RecordingStatus.STUB,
            status_message="",
            too_little_sound=False,
            updated_at=datetime.now(tz=UTC),
            **columns,
        ):
            raise _not_ready(recording)
        base.audit.services.record(
            case=f"recording:{recording.uid}",
            action="recording.audio_taken_back",
            actor=user or base.audit.services.SYSTEM,
            before={"sha256": recording.audio_sha256},
        )
        note_change([recording.pk])


def stop_waiting(*, recording: Recording, bucket: int, status: str, user: User | None) -> None:
    """Put a recording that waits for audio back where it was before it did."""
    rows = Recording.objects.filter(pk=recording.pk, status=RecordingStatus.STUB)
    with transaction.atomic():
        if not rows.update(bucket=bucket, status=status, updated_at=datetime.now(tz=UTC)):
            raise _not_ready(recording)
        _record_leaving(
            recording, "recording.given_back", {"bucket": bucket, "status": status}, user
        )


def _queue_for_worker(recording: Recording, **columns: object) -> bool:
    """Let a recording wait for a worker; return False if it is not at rest."""
    stubs = Q(status=RecordingStatus.STUB) & ~Q(bucket=ACRCLOUD_MUSIC_BUCKET_ID)
    at_rest = Recording.objects.filter(Q(status__in=_AT_REST) | stubs, pk=recording.pk)
    return bool(
        at_rest.update(
            status=RecordingStatus.WAITING,
            status_message="",
            updated_at=datetime.now(tz=UTC),
            **columns,
        )
    )


def _not_ready(recording: Recording) -> ChangeRefused:
    return ChangeRefused(
        "not_ready",
        _("%(title)s is being fingerprinted or is retired. Try again when it is searchable.")
        % {"title": recording.title},
    )


def _refuse_ids_twice(recordings: Sequence[Recording], target: Bucket) -> None:
    custom_ids = Counter(
        recording.custom_id
        for recording in recordings
        if recording.custom_id and recording.bucket_id != target.pk
    )
    # A retired recording gives up its custom id.
    living: QuerySet[Recording] = target.recordings.exclude(status=RecordingStatus.RETIRED)
    taken = living.filter(custom_id__in=custom_ids).values_list("custom_id", flat=True)
    twice = {*taken, *(custom_id for custom_id, number in custom_ids.items() if number > 1)}
    if twice:
        raise ChangeRefused(
            "custom_id_taken",
            _(
                "%(name)s would have several recordings with these ids: "
                "%(sorted)s. Nothing was moved."
            )
            % {"name": target.name, "sorted": ", ".join(sorted(twice)[:10])},
        )


def _record_leaving(
    recording: Recording, action: str, after: dict[str, object], user: User | None
) -> None:
    base.audit.services.record(
        case=f"recording:{recording.uid}",
        action=action,
        actor=user or base.audit.services.SYSTEM,
        # The instance still has the old bucket: only the row was updated.
        before={"bucket": recording.bucket_id, "status": recording.status},
        after=after,
    )
