"""The logic of dedup-files, which stores each recording once.

A track is fingerprinted and compared during the call, because the response says whether
it is known. Candidates come from the index; "same" means the same audio, as everywhere.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from django.core.files.base import File
from django.db.models import Q, QuerySet

from base.accounts.models import User
from base.common.fingerprint_files import looks_like_fingerprint, read_fingerprint
from base.common.media_analysis import analyse_upload, refusal
from base.common.storage import display_name
from catalogue.changes import ChangeRefused
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.selectors import shown_for
from catalogue.services import new_recording
from catalogue.signals import recording_ready
from dedup.intake import AlreadyInCatalogue, Comparison, Same, give_audio, prepare, save_findable
from dedup.track_ids import add_track_id, name_recording, tracks_by_recording
from recognition.errors import RecognitionError
from recognition.types import Fingerprint
from web.acrapi.states import LISTED_RECORDING_STATUSES


@dataclass(frozen=True, slots=True)
class SubmitOutcome:
    """The result of submitting a track."""

    duplicates: list[str]
    acr_id: str
    stored: bool


def fingerprint_of(upload: File[bytes]) -> Fingerprint:
    """Return the fingerprint in a file, or the fingerprint of its audio."""
    if looks_like_fingerprint(upload):
        return read_fingerprint(upload, needs_scan_layer=False)
    name = display_name(upload.name or "", otherwise="the file")
    try:
        return analyse_upload(upload, layer="reference").fingerprint
    except RecognitionError as error:
        raise refusal(error, name) from error


def submit_track(
    *, bucket: Bucket, track_id: str, fingerprint: Fingerprint, store_if_new: bool, user: User
) -> SubmitOutcome:
    """Return the tracks that are the same recording; store a new one if wanted.

    Concurrent calls with one track store it once.
    """
    # A repeated call must not compare a track with itself.
    if (existing := _find_by_track_id(bucket, track_id)) is not None:
        return SubmitOutcome([track_id], existing.acr_id, stored=False)
    newcomer = prepare(bucket=bucket, fingerprint=fingerprint)
    if (waiting := _find_waiting(bucket, track_id)) is not None:
        # It moved in without its sound.
        if store_if_new:
            with suppress(AlreadyInCatalogue, ChangeRefused):
                give_audio(recording=waiting, newcomer=newcomer, user=user)
        return SubmitOutcome([track_id], waiting.acr_id, stored=False)
    # A call compares in any case, because it asks for duplicates.
    comparison = Comparison.of(replace(newcomer, compares=True))

    def answer(recording: Recording | None, same: Same | None) -> SubmitOutcome:
        if (existing := _find_by_track_id(bucket, track_id)) is not None:
            return SubmitOutcome([track_id], existing.acr_id, stored=False)
        if same is not None:
            return _duplicate(track_id, same.recording, user)
        if recording is None:
            return SubmitOutcome([], "", stored=False)
        _save(recording, track_id, user)
        return SubmitOutcome([], recording.acr_id, stored=True)

    if not store_if_new or comparison.same() is not None:
        return comparison.settle(lambda same: answer(None, same))
    details = Recording(title=track_id, custom_id=track_id)
    with new_recording(bucket=bucket, details=details, fingerprint=fingerprint) as recording:
        return comparison.settle(lambda same: answer(recording, same))


def recording_with(bucket: Bucket, name: str) -> Recording | None:
    """Return the recording with this track id, or else with this acr_id."""
    by_acr_id = bucket.recordings.filter(acr_id=name.lower())
    return (
        _find_by_track_id(bucket, name)
        or by_acr_id.filter(status__in=LISTED_RECORDING_STATUSES).first()
        or alias_of(by_acr_id)
    )


def _find_by_track_id(bucket: Bucket, track_id: str) -> Recording | None:
    """Return the recording with this track id, or with this custom id."""
    recordings = Recording.objects.filter(bucket=bucket, status__in=LISTED_RECORDING_STATUSES)
    named = recordings.filter(track_ids__track_id=track_id).first()
    return (
        named
        or recordings.filter(custom_id=track_id).first()
        or alias_of(
            bucket.recordings.filter(Q(track_ids__track_id=track_id) | Q(custom_id=track_id))
        )
    )


def _find_waiting(bucket: Bucket, track_id: str) -> Recording | None:
    """Return the recording of this id that waits for its audio."""
    waiting = Recording.objects.filter(bucket=bucket, status=RecordingStatus.STUB)
    of_id = Q(track_ids__track_id=track_id) | Q(custom_id=track_id)
    return waiting.filter(of_id).first()


def alias_of(rows: QuerySet[Recording]) -> Recording | None:
    """Return the target of the first merged recording among ``rows``."""
    merged = rows.filter(merged_into__isnull=False).first()
    return shown_for(merged) if merged is not None else None


def _duplicate(track_id: str, same: Recording, user: User) -> SubmitOutcome:
    """Add the caller's id as another name of the existing recording."""
    earlier = tracks_by_recording([same])[same.pk]
    add_track_id(recording=same, track_id=track_id, user=user)
    return SubmitOutcome(earlier or [same.custom_id or same.acr_id], same.acr_id, False)


def _save(recording: Recording, track_id: str, user: User) -> None:
    """Save a new track, searchable at once, because the next call must find it."""
    save_findable(recording=recording, user=user)
    # The worker would do it later.
    Recording.objects.filter(pk=recording.pk).update(status=RecordingStatus.READY)
    recording_ready.send(sender=Recording, recording=recording)
    name_recording(recording, track_id)
