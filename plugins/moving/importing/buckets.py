"""Moves the buckets of an account, and their recordings, which wait for their audio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from base.accounts.reach import working_for
from base.common.fingerprint_files import read_fingerprint
from base.common.media_analysis import AudioRefused
from catalogue.changes import ChangeRefused, update_recording, waits_for_audio
from catalogue.models import (
    ACRCLOUD_MUSIC_BUCKET_ID,
    Bucket,
    BucketType,
    Recording,
    RecordingStatus,
)
from catalogue.services import (
    IdTaken,
    add_waiting_recording,
    create_bucket,
    detail_columns,
    reserved_bucket,
)
from dedup import track_ids
from dedup.intake import AlreadyInCatalogue, give_audio, prepare
from plugins.moving.importing.records import (
    Became,
    Records,
    changed_there,
    free_name,
    not_moved,
    refuse_name,
    unchanged,
)
from plugins.moving.importing.remote import (
    RemoteBucket,
    RemoteRecording,
    RemoteTrack,
    digest,
    read_bucket,
    read_recording,
    read_track,
)
from plugins.moving.models import Moved, MovedKind, MovedOutcome

Json = dict[str, Any]  # Any: JSON of another service
_AT_ONCE: Final = 100
_KEPT_COLUMNS: Final = (*Recording.DETAILS, "user_defined")


@dataclass(frozen=True, slots=True)
class BucketMover:
    """Moves buckets and recordings, and notes in ``records`` what became of them."""

    records: Records

    def bucket(self, row: Json) -> bool:
        """Move a bucket, whose files come later; return whether it is new."""
        return self.records.move(MovedKind.BUCKET, row, "", read_bucket, self._bucket)

    def _bucket(self, there: RemoteBucket, moved: Moved | None) -> Became:
        if there.id == str(ACRCLOUD_MUSIC_BUCKET_ID):
            case = f"bucket:{reserved_bucket().pk}"
            return Became(MovedOutcome.SAME, case)
        if there.type not in BucketType:
            return not_moved(
                "move_live_bucket",
                _(
                    "Buckets of the type %(type)s are not moved: only recordings in "
                    "buckets of the types File and DedupFile can be."
                )
                % {"type": there.type},
            )
        if moved is not None:
            return changed_there(moved)
        name = free_name(there.name, there.id, Bucket.objects.present())
        if not name:
            return refuse_name(there.name)
        bucket = create_bucket(
            name=name,
            user=self.records.user,
            bucket_type=there.type,
            region=there.region,
            labels=there.labels,
        )
        return Became(MovedOutcome.NEW, f"bucket:{bucket.pk}")

    def recording(self, row: Json, bucket: str) -> bool:
        """Move a file of a bucket as a waiting recording; return whether it is new."""
        act = partial(self._recording, parent=bucket)
        return self.records.move(MovedKind.RECORDING, row, bucket, read_recording, act)

    def _recording(self, there: RemoteRecording, moved: Moved | None, parent: str) -> Became:
        if moved is not None:
            return self._changed_recording(there, moved)
        bucket = self.records.bucket_of(parent)
        if bucket is None:
            return not_moved("move_elsewhere", _("Its bucket was deleted here."))
        details, code, text = there.details, "", ""
        if details.custom_id and _has_custom_id(bucket, details.custom_id):
            code = "move_name_taken"
            text = _("Its id %(id)s is taken in the bucket, so it came without one.") % {
                "id": details.custom_id
            }
            details.custom_id = ""
        try:
            row = add_waiting_recording(
                bucket=bucket,
                details=details,
                acr_id=there.acr_id,
                duration_ms=there.duration_ms,
                user=self.records.user,
            )
        except IdTaken as taken:
            row = taken.existing
            if row.bucket_id == bucket.pk and row.status != RecordingStatus.RETIRED:
                return Became(MovedOutcome.SAME, f"recording:{row.uid}")
            return not_moved("move_elsewhere", str(taken))
        return Became(MovedOutcome.NEW, f"recording:{row.uid}", _values_of(row), code, text)

    def _changed_recording(self, there: RemoteRecording, moved: Moved) -> Became:
        """Let a recording follow what changed there, unless it was changed here."""
        uid = moved.case.partition(":")[2]
        row = Recording.objects.select_for_update(of=("self",)).filter(uid=uid).first()
        if row is None or row.status == RecordingStatus.RETIRED:
            return replace(unchanged(moved), ours=moved.ours)
        if _values_of(row) != moved.ours:
            return changed_there(moved)
        columns = detail_columns(there.details)
        if columns["custom_id"] != row.custom_id and _has_custom_id(
            row.bucket, columns["custom_id"]
        ):
            columns["custom_id"] = row.custom_id
        if waits_for_audio(row):
            columns["duration_ms"] = there.duration_ms
        changed = {name: value for name, value in columns.items() if getattr(row, name) != value}
        if changed:
            update_recording(recording=row, columns=changed, user=self.records.user)
        outcome = MovedOutcome.CHANGED if changed else MovedOutcome.SAME
        return Became(outcome, moved.case, _values_of(row))

    def track(self, row: Json, bucket: str) -> bool:
        """Move a row of a dedup bucket; return whether it is new."""
        read = partial(read_track, bucket=bucket)
        act = partial(self._track, parent=bucket)
        return self.records.move(MovedKind.TRACK, row, bucket, read, act)

    def _track(self, there: RemoteTrack, moved: Moved | None, parent: str) -> Became:
        """Give the recording of a dedup file the ids that it lacks."""
        row = self._recording_of(moved) if moved else self._new_track(there, parent)
        if isinstance(row, Became):
            return row
        taken = track_ids.ids_of_others(row.bucket, there.track_ids, but=row)
        own = set(row.track_ids.values_list("track_id", flat=True))
        lacks = [name for name in there.track_ids if name not in own | taken]
        for name in lacks:
            track_ids.add_track_id(recording=row, track_id=name, user=self.records.user)
        outcome = MovedOutcome.CHANGED if lacks else MovedOutcome.SAME
        became = Became(outcome if moved else MovedOutcome.NEW, f"recording:{row.uid}")
        if not taken:
            return became
        text = _("These ids belong to other recordings of the bucket: %(ids)s.")
        text %= {"ids": ", ".join(sorted(taken))}
        return replace(became, code="move_name_taken", text=text)

    def _recording_of(self, moved: Moved) -> Recording | Became:
        """Return what an object became, unless it is gone."""
        row = Recording.objects.filter(uid=moved.case.partition(":")[2]).first()
        if row is None or row.status == RecordingStatus.RETIRED:
            return unchanged(moved)
        return row

    def _new_track(self, there: RemoteTrack, parent: str) -> Recording | Became:
        """Return the recording of a dedup file; a new one waits for its audio."""
        bucket = self.records.bucket_of(parent)
        if bucket is None:
            return not_moved("move_elsewhere", _("Its bucket was deleted here."))
        taken = track_ids.ids_of_others(bucket, there.track_ids)
        free = [name for name in there.track_ids if name not in taken]
        details = Recording(title=there.name, custom_id=free[0] if free else "")
        try:
            return add_waiting_recording(
                bucket=bucket,
                details=details,
                acr_id=there.acr_id,
                duration_ms=0,
                user=self.records.user,
            )
        except IdTaken as refused:
            row = refused.existing
            if row.bucket_id == bucket.pk and row.status != RecordingStatus.RETIRED:
                return row
            return not_moved("move_elsewhere", str(refused))

    def waiting(self, *, after: int) -> Iterator[tuple[Moved, Recording]]:
        """Yield the moved recordings that wait for their audio, from a row on."""
        rows = Moved.objects.filter(
            account=self.records.move_in.account, kind=MovedKind.RECORDING
        ).exclude(case="")
        # No query stays open meanwhile: SQLite would refuse to write beside it.
        while batch := list(rows.filter(pk__gt=after).order_by("pk")[:_AT_ONCE]):
            after = batch[-1].pk
            uids = [moved.case.partition(":")[2] for moved in batch]
            recordings = Recording.objects.filter(uid__in=uids).select_related("bucket")
            waiting = {row.uid: row for row in recordings if waits_for_audio(row)}
            for moved, uid in zip(batch, uids, strict=True):
                if uid in waiting:
                    yield moved, waiting[uid]

    def fingerprint(self, moved: Moved, recording: Recording, content: bytes) -> None:
        """Give a waiting recording the fingerprint that another portal has of it."""
        code = text = ""
        try:
            heard = read_fingerprint(
                ContentFile(content, moved.name or moved.remote_id), needs_scan_layer=False
            )
            newcomer = prepare(bucket=recording.bucket, fingerprint=heard)
            give_audio(recording=recording, newcomer=newcomer, user=self.records.user)
        except (AudioRefused, AlreadyInCatalogue, ChangeRefused) as refused:
            code, text = "move_refused", str(refused)[:1000]
        if (moved.code, moved.text) != (code, text):
            Moved.objects.filter(pk=moved.pk).update(code=code, text=text)


def _has_custom_id(bucket: Bucket, custom_id: str) -> bool:
    if not custom_id:
        return False
    living = bucket.recordings.exclude(status=RecordingStatus.RETIRED)
    with working_for(None):
        return living.filter(custom_id=custom_id).exists()


def _values_of(row: Recording) -> str:
    return digest({name: getattr(row, name) for name in _KEPT_COLUMNS})
