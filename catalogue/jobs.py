"""The jobs of the catalogue."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.jobs.choices import JobState, Priority
from base.jobs.kinds import Kind, register
from base.jobs.periodic import beside_jobs
from catalogue.index_log import note_change
from catalogue.models import Recording, RecordingStatus


def _page(recording: Recording) -> str:
    return reverse("portal:recording_detail", args=[recording.uid])


FINGERPRINT = register(
    Kind(
        "recording",
        Recording,
        "catalogue.fingerprinting.run",
        label=_("Fingerprint"),
        page=_page,
        mirror={
            JobState.WAITING: RecordingStatus.WAITING,
            JobState.RUNNING: RecordingStatus.PROCESSING,
            JobState.DONE: RecordingStatus.READY,
            JobState.FAILED: RecordingStatus.ERROR,
            JobState.CANCELLED: RecordingStatus.ERROR,
        },
        keeps=frozenset({RecordingStatus.RETIRED}),
        cause_field="status_message",
        # After a failure, its old entries leave the index.
        on_end=lambda recording, *_: note_change([recording.pk]),
    )
)
RENDITION = register(
    Kind(
        "recording_rendition",
        Recording,
        "catalogue.fingerprinting.make_rendition",
        label=_("Playable copy of a recording"),
        page=_page,
        priority=Priority.AFTERWARDS,
        # Replaced audio needs its own rendition, even while the old one is being made.
        key=lambda recording: f"{recording.pk}:{recording.audio.name}"[-200:],
    )
)
SPEECH = register(
    Kind(
        "recording_speech",
        None,
        "catalogue.speech.run",
        label=_("Speech in recordings"),
        priority=Priority.EVERYTHING,
        key=lambda _subject: "all",
        gives_way=True,
        hand_back_after=0.0,
    )
)
beside_jobs("catalogue.following.keep_up")
