"""The jobs that make a new recording searchable and playable."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import person_at_work
from base.common.attribution import acting_through
from base.common.exchanges import FetchFailed, LinkRefused, LiveStream, TooLarge
from base.common.media_analysis import AudioRefused, analyse, keep_rendition, write_rendition
from base.common.media_links import download_media
from base.common.storage import keep_file, scratch_directory
from base.jobs import resources
from base.jobs.context import JobContext
from base.jobs.errors import Failed
from base.jobs.services import submit
from catalogue import index_store, speech
from catalogue.index_log import note_change
from catalogue.jobs import FINGERPRINT, RENDITION
from catalogue.models import Recording, RecordingStatus
from catalogue.selectors import hours_in
from catalogue.signals import recording_ready
from recognition.index.segment import Postings
from recognition.relate.alone import can_be_found
from recognition.types import Progress

_LAYERS = frozenset({"reference", "scan"})


def fingerprint_later(recording: Recording, user: User | None) -> None:
    """Have a worker make a recording searchable; first if a person waits for it."""
    person_waits = person_at_work() is not None and not acting_through()
    submit(FINGERPRINT, recording, user=user, person_waits=person_waits)


def run(context: JobContext) -> None:
    """Fingerprint a recording and have the index follow.

    A recording that came as a fingerprint only has that checked.
    """
    recording: Recording = context.subject
    if recording.status == RecordingStatus.RETIRED:
        return
    try:
        if recording.source_url and not recording.audio:
            resources.require_outside()
            _fetch(recording, lambda _share: context.report(stage="fetching"))
        if recording.audio:
            _analyse(recording, context.report)
    except AudioRefused as error:
        # People can listen to the refused audio.
        submit(RENDITION, recording)
        raise Failed(error.code, str(error)) from error
    context.report()
    # An unreadable fingerprint fails here, and not on each machine that follows.
    postings = index_store.postings_of(recording)
    # Weighed before others wait for the end of the transaction.
    too_little_sound = _lacks_sound(recording, postings)
    # In one transaction with the receivers' writes: a crash between the two would
    # lose that.
    with transaction.atomic():
        context.finish(too_little_sound=too_little_sound)
        note_change([recording.pk])
        # It may have been retired in the meantime.
        current = Recording.objects.get(pk=recording.pk)
        if current.status == RecordingStatus.READY:
            submit(RENDITION, current)
            recording_ready.send(sender=Recording, recording=current)


def make_rendition(context: JobContext) -> None:
    """Make and keep the rendition of one recording, unless it is there."""
    recording: Recording = context.subject
    if recording.proxy or not recording.audio:
        return
    name = write_rendition(recording.audio, folder="proxies", key=recording.acr_id)
    same_audio = Recording.objects.filter(pk=recording.pk, audio=recording.audio.name)
    keep_rendition(name, same_audio)


def refresh_fingerprint(recording: Recording) -> None:
    """Make the fingerprint of a recording again from its audio."""
    _analyse(recording, lambda _share: None)


def note_sound(recording: Recording, postings: Postings) -> None:
    """Note whether a new fingerprint holds enough sound to be found."""
    too_little = _lacks_sound(recording, postings)
    rows = Recording._base_manager.filter(pk=recording.pk)
    rows.exclude(too_little_sound=too_little).update(too_little_sound=too_little)


def _lacks_sound(recording: Recording, postings: Postings) -> bool:
    return not can_be_found(
        postings.hashes,
        partial(index_store.load_landmarks, recording.pk),
        partial(hours_in, recording.bucket_id),
    )


def _analyse(recording: Recording, progress: Progress) -> None:
    analysis = analyse(
        recording.audio,
        name=recording.audio_name,
        folder="fingerprints",
        key=recording.acr_id,
        layers=_LAYERS,
        # It takes over ten times the space, and recordings are never scanned.
        keeps_scan_layer=False,
        progress=progress,
    )
    speech.keep_track(recording, analysis.fingerprint)
    recording.duration_ms = analysis.duration_ms
    recording.facts = analysis.facts
    recording.fingerprint = analysis.fingerprint_name
    recording.waveform = analysis.waveform_name
    recording.save(update_fields=["duration_ms", "facts", "fingerprint", "waveform"])


def _fetch(recording: Recording, progress: Progress) -> None:
    """Download and store the audio behind the recording's link."""
    with scratch_directory() as folder:
        target = folder / "media"
        try:
            download_media(
                recording.source_url,
                target,
                max_bytes=settings.ACRPORTAL_MAX_FILE_BYTES,
                progress=progress,
            )
        except LinkRefused as error:
            raise AudioRefused(
                "link_refused", _("This link is not allowed: %(error)s.") % {"error": error}
            ) from error
        except TooLarge as error:
            raise AudioRefused(
                "file_too_large", _("The file behind this link exceeds the size limit.")
            ) from error
        except LiveStream as error:
            raise AudioRefused(
                "link_live",
                _(
                    "This link is a live stream (%(error)s). Live streams "
                    "cannot be added: use a link to a finished recording, or "
                    "upload the audio file."
                )
                % {"error": error},
            ) from error
        except FetchFailed as error:
            raise AudioRefused(
                "needs_audio",
                _("No audio could be loaded from this link: %(error)s.") % {"error": error},
            ) from error
        with target.open("rb") as handle:
            stored = keep_file(
                File(handle), f"recordings/{recording.acr_id[:2]}/{recording.acr_id}"
            )
    recording.audio = stored.name
    recording.audio_sha256 = stored.sha256
    recording.audio_bytes = stored.size_bytes
    recording.save(update_fields=["audio", "audio_sha256", "audio_bytes"])
