"""The stored landmarks of an item's best copy, by which it is found in later files."""

from __future__ import annotations

import logging

from plugins.monitoring.unknown.models import UnknownItem
from recognition.errors import RecognitionError
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.file_format import reference_layer
from recognition.params import DEFAULT
from recognition.types import NO_LANDMARKS, Fingerprint, Landmarks

logger = logging.getLogger(__name__)


def stored(landmarks: Landmarks, duration_ms: int) -> bytes:
    """Return landmarks as the content of a fingerprint file, which an item keeps."""
    made = Fingerprint(duration_ms, DEFAULT.shape_hash(), reference=landmarks)
    return fingerprint.to_bytes(made)


def fingerprint_of(item: UnknownItem) -> Fingerprint:
    """Return the fingerprint of an item's best copy, as a recording has one.

    Raises ``BadFingerprint`` if the item has none that can be read.
    """
    return fingerprint.from_bytes(bytes(item.landmarks))


def landmarks_of(item: UnknownItem) -> Landmarks:
    """Return the landmarks of an item's best copy, which begin where it does.

    Raises ``ParamsMismatch`` if another engine made them, and ``BadFingerprint``.
    """
    return reference_layer(fingerprint_of(item), DEFAULT)


def searchable(item: UnknownItem) -> Landmarks:
    """Return what an item is searched by: nothing if another engine made it."""
    try:
        return landmarks_of(item)
    except RecognitionError as error:
        logger.warning("%s cannot be searched: %s", item.uid, error)
        return NO_LANDMARKS
