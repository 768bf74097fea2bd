"""Chooses the form in which a file is sent: audio, link or fingerprint.

A fingerprint is sent to a portal that takes it, if the account allows that. Nothing is
sent before the choice is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from base.jobs.choices import OPEN_STATES, JobState
from base.jobs.models import Job
from base.jobs.selectors import jobs_of
from base.jobs.services import submit
from scanning.choices import ACTIVE_SCAN_STATUSES, EngineChoice, SourceType
from scanning.engines.acrcloud import Cloud
from scanning.engines.cloud_faults import CloudFault, FaultKind
from scanning.errors import ScanFailed
from scanning.fingerprints import kept_fingerprint
from scanning.jobs import FILE_FINGERPRINT
from scanning.models import AudioBecause, CloudJob, FormSent, ScannedFile, SentAs

_MEDIA_SUFFIXES = frozenset(
    [
        *(".aac", ".aif", ".aiff", ".flac", ".m4a", ".m4v", ".mkv", ".mov", ".mp2"),
        *(".mp3", ".mp4", ".oga", ".ogg", ".opus", ".wav", ".webm", ".wma"),
    ]
)
# These concern the question alone; the others would stop the file as well.
_NOT_UNDERSTOOD = (FaultKind.CONTAINER, FaultKind.GONE, FaultKind.REFUSED)


@dataclass(frozen=True, slots=True)
class ChosenForm:
    """The form to send, and why it is audio although the account prefers fingerprints."""

    sent_as: SentAs
    audio_because: AudioBecause = AudioBecause.UNASKED


class FingerprintAwaited(Exception):
    """The fingerprint is being made; the file is sent once it is there."""

    seldom = timedelta(minutes=5)
    """When to look again if nothing else wakes the scan."""


def choose_form(cloud: Cloud, job: CloudJob) -> ChosenForm:
    """Return the form of a file that is to be sent now.

    Raise ``FingerprintAwaited``, ``ScanFailed`` if the account forbids every form that
    the other server would take, or ``CloudFault``.
    """
    file, wish = job.scan.scanned_file, FormSent(job.account.sends)
    if file.source_type == SourceType.FINGERPRINT:
        return ChosenForm(SentAs.FINGERPRINT)
    only = wish == FormSent.FINGERPRINT_ONLY
    has_sound = bool(file.media or file.fingerprint)
    if wish == FormSent.AUDIO_ALWAYS or not (only or has_sound):
        return ChosenForm(form_with_audio(file))
    if file.pk in jobs_of(FILE_FINGERPRINT, [file], OPEN_STATES):
        # Thousands of files may wait, so the other server is not asked for each look.
        raise _awaited()
    if not _takes_fingerprints(cloud, job):
        if only:
            raise ScanFailed(
                "cloud_no_fingerprints",
                _(
                    "%(account)s takes no fingerprints of this engine version, and its "
                    "settings forbid sending audio. Nothing was sent. Update the "
                    "portals to the same version, or allow audio in the account."
                )
                % {"account": job.account.name},
            )
        return _fallback(file, AudioBecause.NOT_TAKEN)
    if kept_fingerprint(file) is not None:
        return ChosenForm(SentAs.FINGERPRINT)
    failed = _failed_fingerprint(job)
    if failed is None:
        _ask_for_fingerprint(file)
        raise _awaited()
    if only:
        raise ScanFailed(failed.code, failed.cause)
    return _fallback(file, AudioBecause.NOT_MADE)


def _awaited() -> FingerprintAwaited:
    return FingerprintAwaited(_("The fingerprint is being made; it is sent instead of audio."))


def _fallback(file: ScannedFile, because: AudioBecause) -> ChosenForm:
    form = form_with_audio(file)
    return ChosenForm(form, because if form == SentAs.AUDIO else AudioBecause.UNASKED)


def form_with_audio(file: ScannedFile) -> SentAs:
    """Return the form without fingerprints: audio if it is here, else the link."""
    if file.media:
        return SentAs.AUDIO
    if file.source_type == SourceType.LINK:
        suffix = PurePosixPath(urlsplit(file.source_url).path).suffix.lower()
        return SentAs.AUDIO_URL if suffix in _MEDIA_SUFFIXES else SentAs.PLATFORMS
    if file.source_type == SourceType.FINGERPRINT:
        return SentAs.FINGERPRINT
    raise not_stored(file)


def not_stored(file: ScannedFile) -> ScanFailed:
    """Return the failure of a file whose audio was removed."""
    return ScanFailed(
        "audio_removed",
        _("The audio of %(name)s is no longer stored, so it cannot be sent.") % {"name": file.name},
    )


def _takes_fingerprints(cloud: Cloud, job: CloudJob) -> bool:
    """Ask each time, because the other portal may have been updated."""
    try:
        return cloud.takes_fingerprints(job.remote_container_id)
    except CloudFault as fault:
        if fault.kind in _NOT_UNDERSTOOD:
            return False
        raise


def _failed_fingerprint(job: CloudJob) -> Job | None:
    """Return the failed job that made the file's fingerprint for this scan."""
    file = job.scan.scanned_file
    failed = jobs_of(FILE_FINGERPRINT, [file], [JobState.FAILED]).get(file.pk)
    if failed is None or failed.finished_at is None:
        return None
    return failed if failed.finished_at >= job.scan.created_at else None


def _ask_for_fingerprint(file: ScannedFile) -> None:
    """Ask for the fingerprint, unless our own scan of the file is making it."""
    ours = file.scans.filter(engine=EngineChoice.EMBEDDED, status__in=ACTIVE_SCAN_STATUSES)
    if not ours.exists():
        submit(FILE_FINGERPRINT, file)
