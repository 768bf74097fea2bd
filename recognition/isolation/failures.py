"""Convert the library's errors to JSON and back, to cross process boundaries."""

from __future__ import annotations

import json

from recognition.errors import (
    DecodeFailed,
    JobRefused,
    OutOfLimits,
    RecognitionError,
    TooLong,
    TooShort,
    UnsupportedMedia,
)


def failure_to_json(error: RecognitionError) -> bytes:
    """Serialise an error for ``failure_from_json``."""
    fields: dict[str, str | float] = {"kind": type(error).__name__, "text": str(error)}
    if isinstance(error, TooShort):
        fields |= {"seconds": error.seconds, "minimum_s": error.minimum_s}
    if isinstance(error, TooLong):
        fields |= {"limit_s": error.limit_s}
    return json.dumps(fields).encode()


def failure_from_json(data: bytes) -> RecognitionError:
    """Return the error that the child reported."""
    fields = json.loads(data)
    match fields["kind"]:
        case "TooShort":
            return TooShort(float(fields["seconds"]), float(fields["minimum_s"]))
        case "TooLong":
            return TooLong(float(fields["limit_s"]))
        case "UnsupportedMedia":
            return UnsupportedMedia(str(fields["text"]))
        case "OutOfLimits":
            return OutOfLimits(str(fields["text"]))
        case "JobRefused":
            return JobRefused(str(fields["text"]))
        case _:
            return DecodeFailed(str(fields["text"]))
