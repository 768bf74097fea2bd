"""Fingerprint files that people upload instead of audio.

They are checked on upload, because all their possible errors show at once.
"""

from __future__ import annotations

from django.core.files.base import File

from common.media_analysis import AudioRefused
from common.storage import display_name
from recognition import fingerprint as fingerprint_file
from recognition.errors import BadFingerprint, ParamsMismatch
from recognition.layers import check_params
from recognition.params import DEFAULT
from recognition.types import Fingerprint

# Two days of landmarks; a larger file is not the fingerprint of one recording.
MAX_BYTES = 256 * 1024**2
_HOW_TO = f"Make one with '{fingerprint_file.HOW_TO}', or upload the audio itself."


def looks_like_fingerprint(file: File[bytes]) -> bool:
    """Tell whether a file starts with the magic number of our fingerprints."""
    begin = file.read(len(fingerprint_file.MAGIC))
    file.seek(0)
    return bool(begin == fingerprint_file.MAGIC)


def read_fingerprint(file: File[bytes], *, needs_scan_layer: bool) -> Fingerprint:
    """Return the fingerprint in a file, or raise ``AudioRefused``.

    A recording needs the reference layer, a file to scan the scan layer.
    """
    name = display_name(file.name or "", otherwise="the file")
    if file.size > MAX_BYTES:
        raise _refused(f"{name} is larger than a fingerprint can be.")
    if not looks_like_fingerprint(file):
        raise _refused(
            f"{name} is not a fingerprint file of this server. The .lo and .fp files of "
            "other vendors are closed formats."
        )
    try:
        fingerprint = fingerprint_file.from_bytes(file.read())
        check_params(fingerprint, DEFAULT)
    except BadFingerprint as error:
        raise _refused(f"{name} is damaged: {error}") from error
    except ParamsMismatch as error:
        raise _refused(f"{name} was made by another version of the engine.") from error
    finally:
        file.seek(0)
    layer = fingerprint.dense if needs_scan_layer else fingerprint.reference
    if layer is None:
        required = "scan" if needs_scan_layer else "reference"
        raise _refused(f"{name} has no {required} layer.")
    return fingerprint


def _refused(problem: str) -> AudioRefused:
    return AudioRefused("bad_fingerprint", f"{problem} {_HOW_TO}")
