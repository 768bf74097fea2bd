"""Takes one recording from waiting to searchable."""

from __future__ import annotations

import logging

from django.db.models import F

from catalogue import index_store
from catalogue.models import Recording, RecordingStatus
from common.leases import lease_end
from common.media_analysis import AudioRefused, analyse

logger = logging.getLogger(__name__)

_LAYERS = frozenset({"reference"})


class NotReady(Exception):
    """The recording was already taken by another worker, or is done."""


def run_fingerprinting(*, recording_id: int, worker: str) -> Recording:
    """Fingerprint a waiting recording and put it into the index.

    Raises ``NotReady`` when another worker has it or it needs nothing. Audio that
    cannot be used ends in status ``error`` with a sentence that says why.
    """
    claimed = Recording.objects.filter(
        pk=recording_id, status=RecordingStatus.WAITING
    ).update(
        status=RecordingStatus.PROCESSING,
        lease_owner=worker,
        lease_until=lease_end(),
        attempts=F("attempts") + 1,
    )
    if not claimed:
        raise NotReady
    recording = Recording.objects.get(pk=recording_id)

    def renew(_share: float) -> None:
        Recording.objects.filter(pk=recording_id, lease_owner=worker).update(
            lease_until=lease_end()
        )

    try:
        kept = analyse(
            recording.audio,
            name=recording.audio_name,
            folder="fingerprints",
            key=recording.acr_id,
            layers=_LAYERS,
            progress=renew,
        )
    except AudioRefused as error:
        _finish(recording, RecordingStatus.ERROR, message=str(error))
        return recording
    recording.duration_ms = kept.duration_ms
    recording.facts = kept.facts
    recording.fingerprint = kept.fingerprint_name
    recording.waveform = kept.waveform_name
    recording.save(update_fields=["duration_ms", "facts", "fingerprint", "waveform"])
    # In the index before it is called searchable: a crash between the two is mended
    # by doing both again.
    index_store.index_recording(recording)
    _finish(recording, RecordingStatus.READY)
    return recording


def _finish(
    recording: Recording, status: RecordingStatus, *, message: str = ""
) -> None:
    recording.status = status
    recording.status_message = message[:500]
    recording.lease_owner, recording.lease_until = "", None
    recording.save(
        update_fields=["status", "status_message", "lease_owner", "lease_until"]
    )
    logger.info("recording %s is %s", recording.uid, status)
