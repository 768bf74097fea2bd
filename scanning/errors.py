"""What can go wrong with a file or a scan; each has a code and a readable text."""

from __future__ import annotations


class IntakeRefused(Exception):
    """A file or link cannot be taken in; nothing of it was kept.

    ``code`` is the stable name that API clients read, ``status`` the HTTP status.
    """

    def __init__(self, code: str, message: str, *, status: int = 422) -> None:
        self.code = code
        self.status = status
        super().__init__(message)


class ScanFailed(Exception):
    """A scan cannot give a result; the text says why and what was kept."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class NeedsAudio(ScanFailed):
    """No audio could be taken from a link; a person can attach it."""

    def __init__(self, cause: str, code: str = "needs_audio") -> None:
        super().__init__(
            code,
            f"No audio could be taken from this link: {cause}. "
            "Attach the audio file to go on.",
        )


class ScanCancelled(Exception):
    """A person asked for the scan to stop."""


class LeaseLost(Exception):
    """Another worker has taken the scan over, or it has ended meanwhile."""


class CallbackRejected(Exception):
    """A callback's body cannot be used; the text names the fault."""
