"""One recording once: the logic behind dedup-files.

A track is fingerprinted and compared in the call itself, since the answer says whether
it is there. What it is compared with comes from the index; what counts as the same is
what counts so everywhere: the same audio.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.files.base import File
from django.db import transaction
from django.db.models import QuerySet

import audit.services
from accounts.models import User
from acrapi.models import TrackId
from acrapi.states import LISTED_RECORDING_STATUSES
from catalogue import index_store
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import RecordingDetails, add_recording
from common.fingerprint_files import looks_like_fingerprint, read_fingerprint
from common.media_analysis import decode_limits, refusal
from common.storage import display_name, read_bytes, scratch_directory
from recognition import analysis
from recognition import fingerprint as fingerprint_file
from recognition.compare import Relation, compare
from recognition.errors import RecognitionError
from recognition.hashes import reference_hashes
from recognition.params import DEFAULT
from recognition.types import Fingerprint

_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a track."""

    duplicates: list[str]
    acr_id: str
    stored: bool


def fingerprint_of(upload: File[bytes]) -> Fingerprint:
    """Return the fingerprint in a file, or of the audio in it."""
    if looks_like_fingerprint(upload):
        return read_fingerprint(upload, needs_scan_layer=False)
    name = display_name(upload.name or "", otherwise="the file")
    with scratch_directory() as folder:
        path = folder / "media"
        with path.open("wb") as target:
            for chunk in upload.chunks():
                target.write(chunk)
        try:
            return analysis.analyse_file(
                path, layers=frozenset({"reference"}), limits=decode_limits()
            ).fingerprint
        except RecognitionError as error:
            raise refusal(error, name) from error


def submit_track(
    *,
    bucket: Bucket,
    track_id: str,
    fingerprint: Fingerprint,
    store_if_new: bool,
    user: User,
) -> Outcome:
    """Say which tracks are this one, and keep it if it is new and that is wanted.

    The bucket is locked meanwhile, so that two calls with one track keep it once.
    """
    with transaction.atomic():
        Bucket.objects.select_for_update().get(pk=bucket.pk)
        known = _known_as(bucket, track_id)
        if known is not None:
            return Outcome([track_id], known.acr_id, stored=False)
        same = _find_same(bucket, fingerprint)
        if same is not None:
            return _duplicate(track_id, same, user)
        if not store_if_new:
            return Outcome([], "", stored=False)
        recording = _store(bucket, track_id, fingerprint, user)
    return Outcome([], recording.acr_id, stored=True)


def tracks_by_recording(recordings: list[Recording]) -> dict[int, list[str]]:
    """Return every recording's track ids, oldest first."""
    found: dict[int, list[str]] = {recording.pk: [] for recording in recordings}
    rows = TrackId.objects.filter(recording__in=found).order_by("id")
    for recording_id, track_id in rows.values_list("recording_id", "track_id"):
        found[recording_id].append(track_id)
    return found


def recording_with(bucket: Bucket, name: str) -> Recording | None:
    """Return the recording that a track id, or else an acr_id, names."""
    by_acr_id = _listed(bucket).filter(acr_id=name.lower())
    return _known_as(bucket, name) or by_acr_id.first()


def _known_as(bucket: Bucket, track_id: str) -> Recording | None:
    """Return the recording with a track id, or one that the portal calls so."""
    listed = _listed(bucket)
    named = listed.filter(track_ids__track_id=track_id).first()
    return named or listed.filter(custom_id=track_id).first()


def _listed(bucket: Bucket) -> QuerySet[Recording]:
    return Recording.objects.filter(bucket=bucket, status__in=LISTED_RECORDING_STATUSES)


def _name(recording: Recording, track_id: str) -> None:
    """Give a recording a track id; one that a deleted recording had is free again."""
    TrackId.objects.update_or_create(
        bucket=recording.bucket,
        track_id=track_id,
        defaults={"recording": recording, "created_at": datetime.now(tz=UTC)},
    )


def _find_same(bucket: Bucket, fingerprint: Fingerprint) -> Recording | None:
    """Return the recording of the bucket that is the same audio, if there is one."""
    for recording_id in _candidates(bucket, fingerprint):
        recording = bucket.recordings.filter(
            pk=recording_id, status=RecordingStatus.READY
        ).first()
        if recording is None:
            continue
        other = fingerprint_file.from_bytes(read_bytes(recording.fingerprint))
        if compare(fingerprint, other).relation is Relation.SAME_AUDIO:
            return recording
    return None


def _candidates(bucket: Bucket, fingerprint: Fingerprint) -> list[int]:
    """Return the recordings that share most with a fingerprint, best first."""
    if fingerprint.reference is None:
        return []
    hashes, frames = reference_hashes(fingerprint.reference, DEFAULT)
    votes = index_store.open_index().query([bucket.pk], hashes, frames, top=_CANDIDATES)
    return list(dict.fromkeys(vote.recording for vote in votes))


def _duplicate(track_id: str, same: Recording, user: User) -> Outcome:
    """Keep the caller's id as another name of the recording that is there."""
    earlier = tracks_by_recording([same])[same.pk]
    _name(same, track_id)
    audit.services.record(
        case=f"recording:{same.uid}",
        action="recording.track_id_added",
        actor=user,
        after={"track_id": track_id},
    )
    return Outcome(earlier or [same.custom_id or same.acr_id], same.acr_id, False)


def _store(
    bucket: Bucket, track_id: str, fingerprint: Fingerprint, user: User
) -> Recording:
    """Keep a new track, searchable at once: the next call must find it."""
    recording = add_recording(
        bucket=bucket,
        details=RecordingDetails(title=track_id, custom_id=track_id),
        fingerprint=fingerprint,
        user=user,
    )
    index_store.index_recording(recording)
    Recording.objects.filter(pk=recording.pk).update(status=RecordingStatus.READY)
    _name(recording, track_id)
    return recording
