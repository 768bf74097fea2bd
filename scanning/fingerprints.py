"""The stored fingerprints of files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from base.common.storage import read_bytes
from recognition.errors import BadFingerprint, MissingLayer, ParamsMismatch
from recognition.fingerprints import file_format as fingerprint_file
from recognition.fingerprints.file_format import scan_layer
from recognition.params import DEFAULT
from recognition.types import Fingerprint
from scanning.models import ScannedFile

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sound:
    """The fingerprints of a file: of its main sound track, and of others by number."""

    main: Fingerprint
    tracks: Sequence[tuple[int, Fingerprint]] = ()
    is_widened: bool = False
    """Whether ``main`` has the sound around the file, so that it is not the stored one."""


def kept_fingerprint(file: ScannedFile) -> Fingerprint | None:
    """Return the stored fingerprint; None if the engine can no longer read it."""
    if not file.fingerprint:
        return None
    try:
        fingerprint = fingerprint_file.from_bytes(read_bytes(file.fingerprint))
        scan_layer(fingerprint, DEFAULT)
    except (BadFingerprint, MissingLayer, ParamsMismatch):
        logger.warning("fingerprint of %s is unusable and will be made again", file.uid)
        return None
    return fingerprint


def stored_sound(file: ScannedFile) -> Sound | None:
    """Return the stored fingerprints; None if the engine can no longer read the main one."""
    fingerprint = kept_fingerprint(file)
    return None if fingerprint is None else Sound(fingerprint, tuple(kept_tracks(file)))


def kept_tracks(file: ScannedFile) -> Iterator[tuple[int, Fingerprint]]:
    """Yield the file's other sound tracks by number, with their stored fingerprints."""
    for track in file.other_tracks.all():
        try:
            yield (track.number, fingerprint_file.from_bytes(read_bytes(track.fingerprint)))
        except (BadFingerprint, MissingLayer, ParamsMismatch, OSError):
            logger.warning("%s has no usable fingerprint", track)
