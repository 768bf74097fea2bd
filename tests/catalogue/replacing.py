"""Replaces audio without the comparison that an intake makes first."""

from __future__ import annotations

from django.core.files.base import File

from catalogue.changes import other_audio, save_other_audio
from catalogue.models import Recording


def replace_audio(
    *, recording: Recording, audio: File[bytes] | None = None, source_url: str = ""
) -> None:
    """Replace a recording's audio by a file or a link, and fingerprint it again."""
    with other_audio(recording=recording, audio=audio, source_url=source_url):
        save_other_audio(recording=recording, user=None)
