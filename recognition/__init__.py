"""Audio fingerprinting: landmarks, index, search; a plain library without Django.

``audio`` reads media files, ``fingerprint`` makes and stores landmarks, ``index`` keeps those
of a catalogue, ``search`` finds candidates in it, ``verify`` weighs them, and ``relate``
compares recordings. The names listed here are loaded on first use, because reading an error
or a version needs no numeric library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recognition.audio.analysis import analyse_file
    from recognition.params import Params
    from recognition.relate.compare import SoundComparison, compare
    from recognition.search.match import scan
    from recognition.types import Analysis, Fingerprint, ScanResult, SegmentMatch

__all__ = [
    "Analysis",
    "Fingerprint",
    "Params",
    "ScanResult",
    "SegmentMatch",
    "SoundComparison",
    "analyse_file",
    "compare",
    "scan",
]
_HOMES = {
    "analyse_file": "audio.analysis",
    "Params": "params",
    "SoundComparison": "relate.compare",
    "compare": "relate.compare",
    "scan": "search.match",
    "Analysis": "types",
    "Fingerprint": "types",
    "ScanResult": "types",
    "SegmentMatch": "types",
}


def __getattr__(name: str) -> Any:  # Any: a function or a class
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
