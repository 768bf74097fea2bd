"""Makes recordings audible in the browser."""

from __future__ import annotations

from catalogue.models import Recording
from common.renditions import keep, render


def render_recording(*, recording_id: int) -> None:
    """Make and keep the rendition of one recording, unless it is there."""
    recording = Recording.objects.get(pk=recording_id)
    if recording.proxy or not recording.audio:
        return
    name = render(recording.audio, folder="proxies", key=recording.acr_id)
    keep(name, Recording.objects.filter(pk=recording_id, audio=recording.audio.name))
