"""Fingerprint files that people upload instead of audio.

They are checked on upload, because all their possible errors show at once. A confined
child process parses them and writes them again; everything else reads what it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.core.files.base import File
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.common.media_analysis import AudioRefused, decode_limits, refusal
from base.common.storage import FileOnDisk, StoredFile, display_name, keep_file, scratch_directory
from recognition.audio.analysis import RewrittenFingerprint, rewrite_fingerprint
from recognition.errors import BadFingerprint, ParamsMismatch, RecognitionError
from recognition.fingerprints import file_format as fingerprint_file
from recognition.limits import DecodeLimits
from recognition.params import DEFAULT
from recognition.types import Fingerprint

ACCEPT_HEADER = "Acrfp-Accept"
"""The header with which a portal tells another one which fingerprints it takes."""
NO_FINGERPRINT = "no_fingerprint"
"""The code with which a portal says that a recording has no fingerprint."""

# Two days of landmarks; a larger file is not the fingerprint of one recording.
MAX_BYTES = 256 * 1024**2
REFERENCE: Final = frozenset({fingerprint_file.REFERENCE})
SCANNED: Final = frozenset({fingerprint_file.DENSE, fingerprint_file.LEVEL_MAP})
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


def read_fingerprint(
    file: File[bytes], *, needs_scan_layer: bool, limits: DecodeLimits | None = None
) -> Fingerprint:
    """Return the fingerprint in a file, or raise ``AudioRefused``.

    A recording needs the reference layer, a file to scan the scan layer; the others
    are left out.
    """
    kinds = SCANNED if needs_scan_layer else REFERENCE
    with _rewritten(file, kinds=kinds, needs=kinds, limits=limits) as (path, _):
        return fingerprint_file.load(path)


def keep_fingerprint(file: File[bytes], name: str) -> tuple[StoredFile, int]:
    """Store a fingerprint to scan, with all its layers; return its duration in ms, too.

    Raises ``AudioRefused``.
    """
    kinds = fingerprint_file.KINDS
    with (
        _rewritten(file, kinds=kinds, needs=SCANNED) as (path, duration_ms),
        FileOnDisk(path, name) as rewritten,
    ):
        return keep_file(rewritten, name), duration_ms


@contextmanager
def _rewritten(
    file: File[bytes],
    *,
    kinds: frozenset[int],
    needs: frozenset[int],
    limits: DecodeLimits | None = None,
) -> Iterator[tuple[Path, int]]:
    """Yield what the child wrote of a fingerprint: its layers ``kinds``; and its duration."""
    name = display_name(file.name or "", otherwise=gettext("the file"))
    if file.size > MAX_BYTES:
        raise _refusal(gettext("%(name)s is too large for a fingerprint file.") % {"name": name})
    if not looks_like_fingerprint(file):
        raise _refusal(
            gettext(
                "%(name)s is not a fingerprint file of this server. The "
                ".lo and .fp files of other vendors are closed formats."
            )
            % {"name": name}
        )
    with scratch_directory() as folder:
        sent, rewritten = folder / "sent", folder / "rewritten"
        with sent.open("wb") as target:
            for chunk in file.chunks():
                target.write(chunk)
        file.seek(0)
        made = _rewrite(sent, rewritten, name, kinds, limits or decode_limits())
        if not needs <= made.kinds:
            raise _refusal(
                (
                    gettext("%(name)s has no scan layer.")
                    if needs == SCANNED
                    else gettext("%(name)s has no reference layer.")
                )
                % {"name": name}
            )
        yield rewritten, made.duration_ms


def _rewrite(
    sent: Path, rewritten: Path, name: str, kinds: frozenset[int], limits: DecodeLimits
) -> RewrittenFingerprint:
    try:
        return rewrite_fingerprint(sent, rewritten, kinds=kinds, limits=limits)
    except BadFingerprint as error:
        raise _refusal(
            gettext("%(name)s is damaged: %(error)s") % {"name": name, "error": error}
        ) from error
    except ParamsMismatch as error:
        raise _refusal(
            gettext("%(name)s was made by another version of the engine.") % {"name": name}
        ) from error
    except RecognitionError as error:
        raise refusal(error, name) from error


def _refusal(problem: str) -> AudioRefused:
    return AudioRefused(
        "bad_fingerprint", f"{problem} {_HOW_TO % {'command': fingerprint_file.HOW_TO}}"
    )
