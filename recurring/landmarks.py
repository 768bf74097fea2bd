"""The stored landmarks of an item's best copy."""

from __future__ import annotations

from recognition import fingerprint as fingerprint_file
from recognition.fingerprint import reference_layer
from recognition.params import DEFAULT
from recognition.types import Fingerprint, Landmarks
from recurring.models import UnknownItem


def stored(landmarks: Landmarks, duration_ms: int) -> bytes:
    """Return landmarks as the content of a fingerprint file."""
    made = Fingerprint(
        duration_ms=duration_ms,
        params_hash=DEFAULT.shape_hash(),
        reference=landmarks,
        dense=None,
        level_map=None,
    )
    return fingerprint_file.to_bytes(made)


def fingerprint_of(item: UnknownItem) -> Fingerprint:
    """Return the fingerprint of an item's best copy."""
    return fingerprint_file.from_bytes(bytes(item.landmarks))


def landmarks_of(item: UnknownItem) -> Landmarks:
    """Return the landmarks of an item's best copy."""
    return reference_layer(fingerprint_of(item))
