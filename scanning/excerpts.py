"""Cuts an interval out of a file's stored audio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _

from base.common.media_analysis import AudioRefused, decode_limits, refusal
from base.common.storage import local_path
from recognition.audio import media
from recognition.errors import RecognitionError
from recognition.types import Progress
from scanning.models import ScannedFile


@dataclass(frozen=True, slots=True)
class Excerpt:
    """An interval of a file; ``track`` is the number of a track beside the main one."""

    file: ScannedFile
    start_ms: int
    end_ms: int
    track: int | None = None


def cut(excerpt: Excerpt, target: Path, progress: Progress | None = None) -> None:
    """Write an excerpt as FLAC, without loss; of the rendition if nothing else is kept.

    Raises ``AudioRefused``.
    """
    audio, track = _stored_audio(excerpt.file, excerpt.track)
    try:
        with local_path(audio) as path:
            media.write_excerpts(
                path,
                [(target, excerpt.start_ms, excerpt.end_ms)],
                track=track,
                limits=decode_limits(),
                progress=progress,
            )
    except RecognitionError as error:
        raise refusal(error, excerpt.file.name) from error


def _stored_audio(file: ScannedFile, track: int | None) -> tuple[FieldFile, int | None]:
    """Return the stored file to cut from, and the number of the track in it."""
    if file.media:
        return file.media, track
    rows = [file] if track is None else file.other_tracks.filter(number=track)
    for row in rows:
        if row.proxy:
            return row.proxy, None
    raise AudioRefused(
        "not_kept", _("The audio of %(name)s is not stored here.") % {"name": file.name}
    )
