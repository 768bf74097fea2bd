"""Runs the recognition library on stored audio and stores the results.

Both recordings and scanned files use it.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from base.common.reading import read_number
from base.common.storage import (
    FileOnDisk,
    local_path,
    replace_bytes,
    replace_file,
    scratch_directory,
)
from recognition import errors
from recognition.audio import analysis, media, waveform
from recognition.fingerprints import file_format as fingerprint
from recognition.limits import DecodeLimits
from recognition.types import Analysis, Fingerprint, Progress

logger = logging.getLogger(__name__)

RENDITION_TYPE = "audio/webm"

# The library has no translations, so its most frequent causes are marked here.
CAUSES = (
    gettext_noop("This is not an audio or video file."),
    gettext_noop(
        "Its sound is protected (DRM), so that only a player of its shop can decode it. "
        "Use a copy without protection."
    ),
    gettext_noop(
        "This is a free-format MP3, which few programs can decode. Convert it to FLAC or "
        "WAV with LAME or SoX."
    ),
    gettext_noop(
        "This is a web page and no sound: the download failed or needs a sign-in. "
        "Download the file again."
    ),
    gettext_noop(
        "This is a server's answer in JSON or XML and no sound: the download failed or "
        "needs a sign-in. Download the file again."
    ),
    gettext_noop("This is a feed and no sound. Submit its address, or watch it as a source."),
    gettext_noop("This is a playlist and no sound. Submit the addresses or files that it lists."),
    gettext_noop("This is a torrent and no sound. Choose the files that it downloads."),
    gettext_noop("This is a text and no sound."),
    gettext_noop("This is a document and no sound."),
    gettext_noop("This is an archive. Unpack it, and choose the files in it."),
    gettext_noop("This is a picture and no sound."),
    gettext_noop("This is a MIDI file, which holds notes and no sound."),
    gettext_noop(
        "The Ogg file begins in the middle of a stream, and lacks the headers that "
        "decoding needs. Record it again from the beginning of a title."
    ),
    gettext_noop("The file begins with zeros: its download did not finish."),
    gettext_noop("The beginning of the file could not be read."),
    gettext_noop("The file is cut off: the index of its sound is missing."),
    gettext_noop("The file holds what macOS notes beside a file, and no sound."),
    gettext_noop("The file is empty."),
    gettext_noop("The file has no audio stream."),
    gettext_noop("The audio codec is unknown."),
    gettext_noop("The file is damaged: its structure cannot be followed."),
    gettext_noop("Most of the file is damaged."),
    gettext_noop("1 damaged place in the file was skipped."),
    gettext_noop("%(count)s damaged places in the file were skipped."),
    gettext_noop("%(seconds)s s within the file could not be decoded and count as silence."),
    gettext_noop("A later part of the file could not be read."),
    gettext_noop("The last %(seconds)s s could not be decoded."),
    gettext_noop("The end of the file could not be decoded."),
    gettext_noop("The first %(seconds)s s are scrambled and were not searched."),
    gettext_noop("%(seconds)s s within the file are scrambled and were not searched."),
    gettext_noop("The last %(seconds)s s are scrambled and were not searched."),
    gettext_noop(
        "Its sound is scrambled, as that of pay television is: record it again with a "
        "receiver that decodes it."
    ),
    gettext_noop("1 other sound track was not searched."),
    gettext_noop("%(count)s other sound tracks were not searched."),
)


class AudioRefused(Exception):
    """The audio is unusable; ``code`` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class KeptAnalysis:
    """The results of one pass over a file's audio."""

    duration_ms: int
    facts: dict[str, Any]  # Any: the fields of MediaFacts as JSON
    fingerprint: Fingerprint
    fingerprint_name: str
    waveform_name: str
    warnings: tuple[str, ...]
    other_tracks: tuple[tuple[int, Fingerprint], ...] = ()


def decode_limits() -> DecodeLimits:
    """Return the decoding limits from the settings."""
    return DecodeLimits(
        min_duration_ms=settings.ACRPORTAL_MIN_AUDIO_MS,
        max_duration_ms=settings.ACRPORTAL_MAX_AUDIO_MS,
        max_memory_bytes=settings.ACRPORTAL_DECODE_MEMORY_BYTES,
    )


def analyse(
    field: FieldFile,
    *,
    name: str,
    folder: str,
    key: str,
    layers: frozenset[str],
    keeps_scan_layer: bool = True,
    progress: Progress | None = None,
) -> KeptAnalysis:
    """Decode, fingerprint and draw a stored file; store the results under ``folder``.

    ``name`` is the display name in messages. Without ``keeps_scan_layer``, only the
    returned fingerprint has that layer. Raises ``AudioRefused``.
    """
    try:
        with local_path(field) as path:
            result = analysis.analyse_file(
                path, layers=layers, limits=decode_limits(), progress=progress
            )
    except errors.RecognitionError as error:
        raise refusal(error, name) from error
    stem = f"{folder}/{key[:2]}/{key}"
    stored = result.fingerprint
    if not keeps_scan_layer:
        stored = replace(stored, dense=None, level_map=None)
    return KeptAnalysis(
        duration_ms=result.fingerprint.duration_ms,
        facts=asdict(result.facts),
        fingerprint=result.fingerprint,
        fingerprint_name=replace_bytes(f"{stem}.acrfp", fingerprint.to_bytes(stored)),
        waveform_name=replace_bytes(f"{stem}.waveform", waveform.to_bytes(result.waveform)),
        warnings=result.warnings,
        other_tracks=result.other_tracks,
    )


def draw_waveform(path: Path, *, folder: str, key: str) -> str:
    """Draw a file on this machine; return the storage name of its waveform.

    Raises ``RecognitionError``.
    """
    result = analysis.analyse_file(path, layers=frozenset(), limits=decode_limits())
    drawn = waveform.to_bytes(result.waveform)
    return replace_bytes(f"{folder}/{key[:2]}/{key}.waveform", drawn)


def write_rendition(field: FieldFile, *, folder: str, key: str, track: int | None = None) -> str:
    """Make the small copy of stored audio that browsers can play.

    ``track`` is the number of a sound track; None for the main one. Returns its storage name, or an empty string on failure.
    """
    ending = "webm" if track is None else f"track{track}.webm"
    name = f"{folder}/{key[:2]}/{key}.{ending}"
    try:
        with local_path(field) as source, scratch_directory() as scratch:
            rendition = scratch / "proxy.webm"
            media.write_proxy(source, rendition, track=track, limits=decode_limits())
            with FileOnDisk(rendition, name) as file:
                return replace_file(name, file)
    except errors.RecognitionError:
        logger.exception("no rendition of %s", field.name)
        return ""


def keep_rendition(name: str, owner: QuerySet[Any]) -> None:  # Any: file or recording
    """Store the rendition's name on its owner, or delete the rendition.

    ``owner`` is empty if the audio was removed or replaced meanwhile.
    """
    if not owner.update(proxy=name) and name:
        default_storage.delete(name)


def analyse_upload(
    upload: File[bytes], *, layer: str, limits: DecodeLimits | None = None
) -> Analysis:
    """Analyse audio without storing anything.

    Raises ``RecognitionError``; the caller knows what it means there.
    """
    with scratch_directory() as folder:
        path = folder / "media"
        with path.open("wb") as target:
            for chunk in upload.chunks():
                target.write(chunk)
        upload.seek(0)
        return analysis.analyse_file(
            path, layers=frozenset({layer}), limits=limits or decode_limits()
        )


def refusal(error: errors.RecognitionError, name: str) -> AudioRefused:
    """Translate a library error into our code and message."""
    if isinstance(error, errors.UnsupportedMedia):
        return AudioRefused(
            "not_audio", _("%(name)s cannot be read. %(cause)s") % {"name": name, "cause": error}
        )
    if isinstance(error, errors.TooShort):
        return AudioRefused(
            "too_short",
            _("%(name)s has %(seconds)s s of sound; at least %(minimum_s)s s are needed.")
            % {
                "name": name,
                "seconds": read_number(error.seconds, decimals=1),
                "minimum_s": f"{error.minimum_s:g}",
            },
        )
    if isinstance(error, errors.TooLong):
        return AudioRefused(
            "too_long",
            _(
                "%(name)s has more than %(hours)s h of sound. Split it, or ask an "
                "admin to raise the limit."
            )
            % {"name": name, "hours": f"{error.limit_s / 3600:g}"},
        )
    if isinstance(error, errors.BadFingerprint):
        return AudioRefused("bad_fingerprint", f"{name}: {error}")
    return AudioRefused(
        "decode_failed",
        _("%(name)s could not be read to the end. %(cause)s") % {"name": name, "cause": error},
    )
