"""What a use needs of a fingerprint, or the error that says what is missing."""

from __future__ import annotations

from recognition.errors import MissingLayer, ParamsMismatch
from recognition.params import DEFAULT, Params
from recognition.types import Fingerprint, Landmarks, LevelMap


def scan_layer(
    fingerprint: Fingerprint, params: Params = DEFAULT
) -> tuple[Landmarks, LevelMap]:
    """The layer a file is scanned by; an error where it is missing or foreign."""
    if fingerprint.dense is None or fingerprint.level_map is None:
        raise MissingLayer("scan")
    check_params(fingerprint, params)
    return fingerprint.dense, fingerprint.level_map


def reference_layer(fingerprint: Fingerprint, params: Params = DEFAULT) -> Landmarks:
    """The layer a recording is indexed by; an error where it is missing or foreign."""
    if fingerprint.reference is None:
        raise MissingLayer("reference")
    check_params(fingerprint, params)
    return fingerprint.reference


def check_params(fingerprint: Fingerprint, params: Params) -> None:
    """Refuse a fingerprint that other parameters shaped."""
    expected = params.shape_hash()
    if fingerprint.params_hash != expected:
        raise ParamsMismatch(
            "The fingerprint", found=fingerprint.params_hash, expected=expected
        )
