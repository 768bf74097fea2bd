"""The exceptions of the library; each message is fit for users."""

from __future__ import annotations


class RecognitionError(Exception):
    """Base of all exceptions of this library; the text is fit for users."""


class MissingLayer(RecognitionError):
    """A fingerprint lacks the layer that this use needs."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        super().__init__(f"The fingerprint has no {layer} layer; make it again with that layer.")


class ParamsMismatch(RecognitionError):
    """Stored data was made with other engine parameters."""

    def __init__(
        self, subject: str, *, actual: str, expected: str, remedy: str = "rebuild it"
    ) -> None:
        self.actual = actual
        self.expected = expected
        super().__init__(
            f"{subject} was made with engine parameters {actual}, "
            f"this engine uses {expected}; {remedy}."
        )


class UnsupportedMedia(RecognitionError):
    """The file is not audio that can be decoded."""


class TooShort(RecognitionError):
    """The file holds less sound than the engine needs."""

    def __init__(self, seconds: float, minimum_s: float) -> None:
        self.seconds = seconds
        self.minimum_s = minimum_s
        super().__init__(
            f"The file has {seconds:.1f} s of sound; at least {minimum_s:g} s are needed."
        )


class TooLong(RecognitionError):
    """The file is longer than the limit allows."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(
            f"The file has more than {limit_s / 3600:g} h of sound, which is the limit."
        )


class DecodeFailed(RecognitionError):
    """Decoding ended without a usable result."""


class OutOfLimits(DecodeFailed):
    """A child process exceeded its time or memory limit."""


class JobRefused(RecognitionError):
    """A job outside this library refused its file; the text says why."""


class BadFingerprint(RecognitionError):
    """The fingerprint file is damaged, foreign or of an unknown version."""


class IndexCorrupt(RecognitionError):
    """The index on disk contradicts itself; rebuild it from stored landmarks."""


class IndexUnavailable(RecognitionError):
    """The index does not answer at the moment; retry the work later."""


class IndexPartial(RecognitionError):
    """The index here holds only a part of the recordings, and the work needs all."""


class SearchTooLong(RecognitionError):
    """A search took longer than its caller allows, and was stopped."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"The search took more than {limit_s:g} s and was stopped.")


class ProcessLost(RecognitionError):
    """A process that scanned files was killed."""

    def __init__(self) -> None:
        super().__init__(
            "A process was killed while it scanned, probably for lack of memory. "
            "Scan the rest with fewer --processes."
        )
