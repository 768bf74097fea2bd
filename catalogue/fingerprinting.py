"""Fingerprint a recording and put it into the index."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import QuerySet

from catalogue import index_store
from catalogue.models import Recording, RecordingStatus
from catalogue.signals import recording_ready
from common.http import FetchFailed, LinkRefused, LiveStream, TooLarge
from common.leases import NO_LEASE, claim, lease_end, tried_again
from common.media_analysis import AudioRefused, analyse
from common.media_links import download_media
from common.storage import keep_file, scratch_directory

logger = logging.getLogger(__name__)

KIND = "recording"
_RENEW_SECONDS = 1.0
# The scan layer takes over ten times the space, and recordings are never scanned.
_LAYERS = frozenset({"reference"})


class NotReady(Exception):
    """Another worker has the recording, or it is done or retired."""


def run_fingerprinting(*, recording_id: int, worker: str) -> Recording:
    """Fingerprint a waiting recording and put it into the index.

    Raises ``NotReady`` if another worker has it, takes it over meanwhile, or it needs
    nothing. Unusable audio ends in status ``error`` with a message that says why. A recording that came as a
    fingerprint is only indexed.
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
    mine = Recording.objects.filter(
        pk=recording_id, status=RecordingStatus.PROCESSING, lease_owner=worker
    )
    with tried_again(mine, cause="status_message", expected=(NotReady,)):
        _run(recording, _renewal(mine))
    return recording


def _renewal(mine: QuerySet[Recording]) -> Callable[[float], None]:
    """Return a progress callback that renews the lease, at most once a second.

    Downloads report every 256 KiB, which would be thousands of writes. The callback
    raises ``NotReady`` if the lease was lost, so that two workers do not go on.
    """
    renewed_at = monotonic()

    def renew(_share: float) -> None:
        nonlocal renewed_at
        if monotonic() - renewed_at < _RENEW_SECONDS:
            return
        renewed_at = monotonic()
        if not mine.update(lease_until=lease_end()):
            raise NotReady

    return renew


def _run(recording: Recording, renew: Callable[[float], None]) -> None:
    try:
        if recording.source_url and not recording.audio:
            _fetch(recording, renew)
        if recording.audio:
            _analyse(recording, renew)
    except AudioRefused as error:
        _finish(recording, RecordingStatus.ERROR, message=str(error))
        return
    # Index first, then mark as searchable: after a crash between the two, both are
    # simply repeated.
    index_store.index_recording(recording)
    # In one transaction with what the receivers write: a crash between the two would
    # lose that.
    with transaction.atomic():
        ready = _finish(recording, RecordingStatus.READY)
        if ready:
            recording_ready.send(sender=Recording, recording=recording)
    if not ready:
        # It was retired or moved to another bucket meanwhile.
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
    """Download and store the audio behind the recording's link."""
    with scratch_directory() as folder:
        target = folder / "media"
        try:
            download_media(
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
                "file_too_large", "The file behind this link exceeds the size limit."
            ) from error
        except LiveStream as error:
            raise AudioRefused(
                "link_live",
                f"This link is a live stream ({error}). Live streams "
                "cannot be added: use a link to a finished recording, or upload the audio file.",
            ) from error
        except FetchFailed as error:
            raise AudioRefused(
                "needs_audio", f"No audio could be loaded from this link: {error}."
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
    """Set the final status; return whether this worker still had the recording."""
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
