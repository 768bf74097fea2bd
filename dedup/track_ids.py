"""Ids by which programs know the recordings of a bucket kept free of duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import working_for
from catalogue.models import Bucket, Recording, RecordingStatus
from dedup.models import TrackId


def tracks_by_recording(recordings: Iterable[Recording]) -> dict[int, list[str]]:
    """Return the track ids of each recording, oldest first."""
    tracks: dict[int, list[str]] = {recording.pk: [] for recording in recordings}
    rows = TrackId.objects.filter(recording__in=tracks).order_by("id")
    for recording_id, track_id in rows.values_list("recording_id", "track_id"):
        tracks[recording_id].append(track_id)
    return tracks


def name_recording(recording: Recording, track_id: str) -> None:
    """Give a recording a track id; ids of deleted recordings may be reused."""
    TrackId.objects.update_or_create(
        bucket=recording.bucket,
        track_id=track_id,
        defaults={"recording": recording, "created_at": datetime.now(tz=UTC)},
    )


def add_track_id(*, recording: Recording, track_id: str, user: User) -> None:
    """Give an existing recording another track id."""
    with transaction.atomic():
        name_recording(recording, track_id)
        _record(recording, "recording.track_id_added", track_id, user)


def remove_track_id(*, recording: Recording, track_id: str, user: User) -> None:
    """Take a track id from a recording, if it still has that."""
    with transaction.atomic():
        if recording.track_ids.filter(track_id=track_id).delete()[0]:
            _record(recording, "recording.track_id_removed", track_id, user)


def ids_of_others(
    bucket: Bucket, track_ids: Sequence[str], *, but: Recording | None = None
) -> set[str]:
    """Return which of these ids name recordings of the bucket already.

    ``but`` is the recording whose own ids do not count.
    """
    is_retired = Q(status=RecordingStatus.RETIRED, merged_into=None)
    with working_for(None):
        recordings = bucket.recordings.exclude(is_retired)
        if but is not None:
            recordings = recordings.exclude(pk=but.pk)
        named = TrackId.objects.filter(recording__in=recordings, track_id__in=track_ids)
        own = recordings.filter(custom_id__in=track_ids)
        return {*named.values_list("track_id", flat=True), *own.values_list("custom_id", flat=True)}


def _record(recording: Recording, action: str, track_id: str, user: User) -> None:
    is_added = action == "recording.track_id_added"
    base.audit.services.record(
        case=f"recording:{recording.uid}",
        action=action,
        actor=user,
        before={} if is_added else {"track_id": track_id},
        after={"track_id": track_id} if is_added else {},
    )
