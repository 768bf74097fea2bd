"""The jobs of the catalogue."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from catalogue.models import Recording, RecordingStatus
from jobs import resources
from jobs.choices import JobState, Priority
from jobs.kinds import Kind, register, without_limit


def _audio_key(recording: Recording) -> str:
    # Replaced audio needs a rendition of its own while that of the old one is made.
    return f"{recording.pk}:{recording.audio.name}"[-200:]


def _no_key(recording: Recording) -> str:
    # Each change is followed: one that comes while another runs may not be seen by it.
    return ""


FINGERPRINT = register(
    Kind(
        "recording",
        Recording,
        "catalogue.fingerprinting.run",
        label=_("Fingerprint"),
        needs=frozenset({resources.INDEX}),
        mirror={
            JobState.WAITING: RecordingStatus.WAITING,
            JobState.RUNNING: RecordingStatus.PROCESSING,
            JobState.DONE: RecordingStatus.READY,
            JobState.FAILED: RecordingStatus.ERROR,
            JobState.CANCELLED: RecordingStatus.ERROR,
        },
        keeps=frozenset({RecordingStatus.RETIRED}),
        cause_field="status_message",
    )
)
RENDITION = register(
    Kind(
        "recording_rendition",
        Recording,
        "catalogue.renditions.run",
        label=_("Playable copy of a recording"),
        priority=Priority.AFTERWARDS,
        key=_audio_key,
    )
)
INDEX_CHANGE = register(
    Kind(
        "index_change",
        Recording,
        "catalogue.reindexing.run",
        label=_("Change of the index"),
        priority=Priority.PERSON,
        key=_no_key,
        needs=frozenset({resources.INDEX}),
        max_attempts=without_limit,
    )
)
