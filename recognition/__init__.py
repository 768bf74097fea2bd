"""Find recordings in other sound: under voices and noise, faster or slower, higher or lower.

Make an index of recordings, and scan a file:

    from recognition import Index

    index = Index.create("catalogue")
    index.add("songs/one.flac")
    for segment in index.scan("programme.mp3").segments:
        print(segment.recording_id, segment.start_s, segment.end_s, segment.score)

A sound is a path, as text or ``Path``, or a NumPy array with its rate:
``index.scan(samples, rate=44_100)``. ``index.scan(...).rows()`` goes into
``pandas.DataFrame``, and each result has ``to_dict()``. ``compare("a.mp3", "b.flac")`` says
how two sounds relate. All errors of the library are a ``RecognitionError``; their classes
are in ``recognition.errors``.

What is used for the first time is compiled for this machine, once. It takes up to two
minutes and is said on standard error, through the logger ``recognition``.

Only the names listed here are stable; what else the package holds may change at any time.
They are loaded on first use, because reading an error needs no numeric library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from recognition.version import VERSION

if TYPE_CHECKING:
    from recognition.api.comparing import compare
    from recognition.api.index import Index
    from recognition.api.results import (
        Comparison,
        Refused,
        Scan,
        Segment,
        SharedInterval,
        Unmatched,
    )
    from recognition.api.sounds import fingerprint
    from recognition.errors import RecognitionError
    from recognition.types import Fingerprint

__all__ = [
    "Comparison",
    "Fingerprint",
    "Index",
    "RecognitionError",
    "Refused",
    "Scan",
    "Segment",
    "SharedInterval",
    "Unmatched",
    "compare",
    "fingerprint",
]
__version__ = VERSION
_HOMES = {
    "Comparison": "api.results",
    "Fingerprint": "types",
    "Index": "api.index",
    "RecognitionError": "errors",
    "Refused": "api.results",
    "Scan": "api.results",
    "Segment": "api.results",
    "SharedInterval": "api.results",
    "Unmatched": "api.results",
    "compare": "api.comparing",
    "fingerprint": "api.sounds",
}


def __getattr__(name: str) -> Any:  # Any: a function or a class
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
