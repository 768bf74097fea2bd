"""Fingerprint files that people upload instead of audio.

They are checked on upload, because all their possible errors show at once.
"""

from __future__ import annotations

from django.core.files.base import File
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from common.media_analysis import AudioRefused
from common.storage import display_name
from recognition import fingerprint as fingerprint_file
from recognition.errors import BadFingerprint, ParamsMismatch
from recognition.fingerprint import check_params
from recognition.params import DEFAULT
from recognition.types import Fingerprint

ACCEPT_HEADER = "Acrfp-Accept"
"""The header with which a portal tells another one which fingerprints it takes."""

# Two days of landmarks; a larger file is not the fingerprint of one recording.
MAX_BYTES = 256 * 1024**2
_HOW_TO = _("Make one with '%(command)s', or upload the audio itself.")


def accepted_form() -> str:
    """Return the one form of fingerprints that this engine reads.

    That is the version of the format and the hash of the parameters, as in
    ``1/0123456789abcdef``; ``ACCEPT_HEADER`` lists such forms with commas.
    """
    return f"{fingerprint_file.VERSION}/{DEFAULT.shape_hash()}"


def accepts_ours(header: str) -> bool:
    """Tell whether the value of another server's ``ACCEPT_HEADER`` names our form."""
    return accepted_form() in (form.strip() for form in header.split(","))


def looks_like_fingerprint(file: File[bytes]) -> bool:
    """Tell whether a file starts with the magic number of our fingerprints."""
    begin = file.read(len(fingerprint_file.MAGIC))
    file.seek(0)
    return bool(begin == fingerprint_file.MAGIC)


def read_fingerprint(file: File[bytes], *, needs_scan_layer: bool) -> Fingerprint:
    """Return the fingerprint in a file, or raise ``AudioRefused``.

    A recording needs the reference layer, a file to scan the scan layer.
    """
    name = display_name(file.name or "", otherwise=gettext("the file"))
    if file.size > MAX_BYTES:
        raise _refused(
            gettext("%(name)s is too large for a fingerprint file.") % {"name": name}
        )
    if not looks_like_fingerprint(file):
        raise _refused(
            gettext(
                "%(name)s is not a fingerprint file of this server. The "
                ".lo and .fp files of other vendors are closed formats."
            )
            % {"name": name}
        )
    try:
        fingerprint = fingerprint_file.from_bytes(file.read())
        check_params(fingerprint, DEFAULT)
    except BadFingerprint as error:
        raise _refused(
            gettext("%(name)s is damaged: %(error)s") % {"name": name, "error": error}
        ) from error
    except ParamsMismatch as error:
        raise _refused(
            gettext("%(name)s was made by another version of the engine.")
            % {"name": name}
        ) from error
    finally:
        file.seek(0)
    layer = fingerprint.dense if needs_scan_layer else fingerprint.reference
    if layer is None:
        raise _refused(
            (
                gettext("%(name)s has no scan layer.")
                if needs_scan_layer
                else gettext("%(name)s has no reference layer.")
            )
            % {"name": name}
        )
    return fingerprint


def _refused(problem: str) -> AudioRefused:
    return AudioRefused(
        "bad_fingerprint", f"{problem} {_HOW_TO % {'command': fingerprint_file.HOW_TO}}"
    )
