"""Makes renditions of scanned files for playback in the browser."""

from __future__ import annotations

from common.renditions import keep, render
from jobs.context import JobContext
from scanning.models import ScannedFile


def run(context: JobContext) -> None:
    """Make and keep the rendition of one file, unless it is there."""
    file: ScannedFile = context.subject
    if file.proxy or not file.media:
        return
    name = render(file.media, folder="proxies", key=file.uid.hex)
    keep(name, ScannedFile.objects.filter(pk=file.pk, media=file.media.name))
