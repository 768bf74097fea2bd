"""Return the layer that a use needs, or raise if it is missing or incompatible."""

from __future__ import annotations

from recognition.errors import MissingLayer, ParamsMismatch
from recognition.params import DEFAULT, Params
from recognition.types import Fingerprint, Landmarks, LevelMap


def scan_layer(
    fingerprint: Fingerprint, params: Params = DEFAULT
) -> tuple[Landmarks, LevelMap]:
    """Return the layers a file is scanned by, or raise if missing or incompatible."""
    if fingerprint.dense is None or fingerprint.level_map is None:
        raise MissingLayer("scan")
    check_params(fingerprint, params)
    return fingerprint.dense, fingerprint.level_map


def reference_layer(fingerprint: Fingerprint, params: Params = DEFAULT) -> Landmarks:
    """Return the layer a recording is indexed by, or raise if missing or incompatible."""
    if fingerprint.reference is None:
        raise MissingLayer("reference")
    check_params(fingerprint, params)
    return fingerprint.reference


def check_params(fingerprint: Fingerprint, params: Params) -> None:
    """Raise ``ParamsMismatch`` if the fingerprint was made with other parameters."""
    expected = params.shape_hash()
    if fingerprint.params_hash != expected:
        raise ParamsMismatch(
            "The fingerprint", found=fingerprint.params_hash, expected=expected
        )
