"""Makes scanned files audible in the browser."""

from __future__ import annotations

from common.renditions import keep, render
from scanning.models import ScannedFile


def render_scanned_file(*, scanned_file_id: int) -> None:
    """Make and keep the rendition of one file, unless it is there."""
    file = ScannedFile.objects.get(pk=scanned_file_id)
    if file.proxy or not file.media:
        return
    name = render(file.media, folder="proxies", key=file.uid.hex)
    keep(name, ScannedFile.objects.filter(pk=scanned_file_id, media=file.media.name))
