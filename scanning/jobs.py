"""The jobs of scanned files."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from common.queue import Priority
from jobs.kinds import Kind, register
from scanning.models import ScannedFile


def _media_key(file: ScannedFile) -> str:
    return f"{file.pk}:{file.media.name}"[-200:]


RENDITION = register(
    Kind(
        "file_rendition",
        ScannedFile,
        "scanning.renditions.run",
        label=_("Playable copy of a file"),
        priority=Priority.AFTERWARDS,
        key=_media_key,
    )
)
