"""Takes one recording from waiting to searchable."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.core.files import File
from django.db import transaction

from catalogue import index_store
from catalogue.models import Recording, RecordingStatus
from catalogue.signals import recording_ready
from common.http import FetchFailed, LinkRefused, TooLarge, download
from common.leases import NO_LEASE, claim, lease_end, tried_again
from common.media_analysis import AudioRefused, analyse
from common.storage import keep_file, scratch_directory

logger = logging.getLogger(__name__)

KIND = "recording"
_LAYERS = frozenset({"reference"})


class NotReady(Exception):
    """The recording was already taken by another worker, or is done."""


def run_fingerprinting(*, recording_id: int, worker: str) -> Recording:
    """Fingerprint a waiting recording and put it into the index.

    Raises ``NotReady`` when another worker has it or it needs nothing. Audio that
    cannot be used ends in status ``error`` with a sentence that says why. A
    recording that came as a fingerprint is only put into the index.
    """
    claimed = claim(
        Recording.objects.filter(pk=recording_id, status=RecordingStatus.WAITING),
        kind=KIND,
        owner=worker,
        status=RecordingStatus.PROCESSING,
    )
    if not claimed:
        raise NotReady
    recording = Recording.objects.get(pk=recording_id)

    def renew(_share: float) -> None:
        Recording.objects.filter(pk=recording_id, lease_owner=worker).update(
            lease_until=lease_end()
        )

    mine = Recording.objects.filter(
        pk=recording_id, status=RecordingStatus.PROCESSING, lease_owner=worker
    )
    with tried_again(mine, cause="status_message"):
        _run(recording, renew)
    return recording


def _run(recording: Recording, renew: Callable[[float], None]) -> None:
    try:
        if recording.source_url and not recording.audio:
            _fetch(recording, renew)
        if recording.audio:
            _analyse(recording, renew)
    except AudioRefused as error:
        _finish(recording, RecordingStatus.ERROR, message=str(error))
        return
    # In the index before it is called searchable: a crash between the two is mended
    # by doing both again.
    index_store.index_recording(recording)
    # With what those who are told write: a crash between the two would lose it.
    with transaction.atomic():
        ready = _finish(recording, RecordingStatus.READY)
        if ready:
            recording_ready.send(sender=Recording, recording=recording)
    if not ready:
        # Retired, or moved to another bucket, while it was worked on.
        index_store.remove_recording(recording)


def refresh_fingerprint(recording: Recording) -> None:
    """Make the fingerprint of a recording again from its audio."""
    _analyse(recording, lambda _share: None)


def _analyse(recording: Recording, renew: Callable[[float], None]) -> None:
    kept = analyse(
        recording.audio,
        name=recording.audio_name,
        folder="fingerprints",
        key=recording.acr_id,
        layers=_LAYERS,
        progress=renew,
    )
    recording.duration_ms = kept.duration_ms
    recording.facts = kept.facts
    recording.fingerprint = kept.fingerprint_name
    recording.waveform = kept.waveform_name
    recording.save(update_fields=["duration_ms", "facts", "fingerprint", "waveform"])


def _fetch(recording: Recording, renew: Callable[[float], None]) -> None:
    """Store the audio behind the recording's link."""
    with scratch_directory() as folder:
        target = folder / "media"
        try:
            download(
                recording.source_url,
                target,
                max_bytes=settings.ACRPORTAL_MAX_FILE_BYTES,
                progress=renew,
            )
        except LinkRefused as error:
            raise AudioRefused(
                "link_refused", f"This link is not allowed: {error}."
            ) from error
        except TooLarge as error:
            raise AudioRefused(
                "file_too_large", "The file behind this link is over the size limit."
            ) from error
        except FetchFailed as error:
            raise AudioRefused(
                "needs_audio", f"No audio could be taken from this link: {error}."
            ) from error
        with target.open("rb") as handle:
            stored = keep_file(
                File(handle), f"recordings/{recording.acr_id[:2]}/{recording.acr_id}"
            )
    recording.audio = stored.name
    recording.audio_sha256 = stored.sha256
    recording.audio_bytes = stored.size_bytes
    recording.save(update_fields=["audio", "audio_sha256", "audio_bytes"])


def _finish(
    recording: Recording, status: RecordingStatus, *, message: str = ""
) -> bool:
    """Move to the end state; tell whether the recording was still ours to move."""
    ended = Recording.objects.filter(
        pk=recording.pk,
        bucket_id=recording.bucket_id,
        status=RecordingStatus.PROCESSING,
        lease_owner=recording.lease_owner,
    ).update(status=status, status_message=message[:500], **NO_LEASE)
    if ended:
        recording.status, recording.status_message = status, message[:500]
    logger.info("recording %s is %s", recording.uid, status)
    return bool(ended)
