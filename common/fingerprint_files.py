"""Fingerprint files that people send in place of audio.

Read and checked when they come in, since everything that can be wrong with them can
be seen at once.
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

# Two days of landmarks; more is no fingerprint of one recording.
MAX_BYTES = 256 * 1024**2
_HOW_TO = f"Make one with '{fingerprint_file.HOW_TO}', or upload the audio itself."


def looks_like_fingerprint(file: File[bytes]) -> bool:
    """Tell whether a file begins as ours do."""
    begin = file.read(len(fingerprint_file.MAGIC))
    file.seek(0)
    return bool(begin == fingerprint_file.MAGIC)


def read_fingerprint(file: File[bytes], *, needs_scan_layer: bool) -> Fingerprint:
    """Return the fingerprint in a file; raise ``AudioRefused`` saying what is wrong.

    A recording needs the reference layer, a file to scan the scan layer.
    """
    name = display_name(file.name or "", otherwise="the file")
    if file.size > MAX_BYTES:
        raise _refused(f"{name} is larger than a fingerprint can be.")
    if not looks_like_fingerprint(file):
        raise _refused(
            f"{name} is no fingerprint file of this server. The .lo and .fp files of "
            "other makers are closed formats."
        )
    try:
        found = fingerprint_file.from_bytes(file.read())
        check_params(found, DEFAULT)
    except BadFingerprint as error:
        raise _refused(f"{name} is damaged: {error}") from error
    except ParamsMismatch as error:
        raise _refused(f"{name} was made by another version of the engine.") from error
    finally:
        file.seek(0)
    layer = found.dense if needs_scan_layer else found.reference
    if layer is None:
        wanted = "scan" if needs_scan_layer else "reference"
        raise _refused(f"{name} holds no {wanted} layer.")
    return found


def _refused(what: str) -> AudioRefused:
    return AudioRefused("bad_fingerprint", f"{what} {_HOW_TO}")
