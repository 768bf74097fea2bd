"""Runs the recognition library on stored audio and stores the results.

Both recordings and scanned files use it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.db.models.fields.files import FieldFile

from common.storage import local_path, replace_bytes, scratch_directory
from recognition import analysis, errors, fingerprint, waveform
from recognition.limits import DecodeLimits
from recognition.types import Fingerprint, Progress


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
    progress: Progress | None = None,
) -> KeptAnalysis:
    """Decode, fingerprint and draw a stored file; store the results under ``folder``.

    ``name`` is the display name in messages. Raises ``AudioRefused``.
    """
    try:
        with local_path(field) as path:
            result = analysis.analyse_file(
                path, layers=layers, limits=decode_limits(), progress=progress
            )
    except errors.RecognitionError as error:
        raise refusal(error, name) from error
    stem = f"{folder}/{key[:2]}/{key}"
    return KeptAnalysis(
        duration_ms=result.fingerprint.duration_ms,
        facts=asdict(result.facts),
        fingerprint=result.fingerprint,
        fingerprint_name=replace_bytes(
            f"{stem}.acrfp", fingerprint.to_bytes(result.fingerprint)
        ),
        waveform_name=replace_bytes(
            f"{stem}.waveform", waveform.to_bytes(result.waveform)
        ),
        warnings=result.warnings,
    )


def fingerprint_upload(
    upload: File[bytes], *, layer: str, limits: DecodeLimits | None = None
) -> Fingerprint:
    """Return the fingerprint of audio without storing anything.

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
        ).fingerprint


def refusal(error: errors.RecognitionError, name: str) -> AudioRefused:
    """Translate a library error into our code and message."""
    if isinstance(error, errors.UnsupportedMedia):
        return AudioRefused(
            "not_audio",
            f"{name} could not be decoded as audio ({_clause(error)}). "
            "Nothing was scanned.",
        )
    if isinstance(error, errors.TooShort):
        needed = settings.ACRPORTAL_MIN_AUDIO_MS / 1000
        return AudioRefused(
            "too_short",
            f"{name} is too short ({_clause(error)}); at least {needed:g} s of sound "
            "are needed to match.",
        )
    if isinstance(error, errors.TooLong):
        return AudioRefused(
            "too_long",
            f"{name} is too long ({_clause(error)}). Split it or ask an admin to raise "
            "the limit.",
        )
    if isinstance(error, errors.BadFingerprint):
        return AudioRefused("bad_fingerprint", f"{name}: {error}")
    return AudioRefused(
        "decode_failed",
        f"{name} could not be decoded to the end ({_clause(error)}). Nothing was "
        "scanned.",
    )


def _clause(error: errors.RecognitionError) -> str:
    return str(error).rstrip(".")
