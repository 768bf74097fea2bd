"""Why a change of broadcasts, episodes, uses of music or figures was not done."""

from __future__ import annotations


class ProgrammeRefused(Exception):
    """The change is impossible or not allowed; nothing was changed.

    The message says why and what to do. ``code`` is the stable name that API clients
    read. ``field`` is the value that the message is about, or empty.
    """

    def __init__(self, code: str, message: str, *, field: str = "") -> None:
        self.code = code
        self.field = field
        super().__init__(message)
