"""Make recordings playable in the browser."""

from __future__ import annotations

from catalogue.models import Recording
from common.renditions import keep, render
from jobs.context import JobContext


def run(context: JobContext) -> None:
    """Make and keep the rendition of one recording, unless it is there."""
    recording: Recording = context.subject
    if recording.proxy or not recording.audio:
        return
    name = render(recording.audio, folder="proxies", key=recording.acr_id)
    keep(name, Recording.objects.filter(pk=recording.pk, audio=recording.audio.name))
