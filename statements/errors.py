"""Why something cannot be done with a statement."""

from __future__ import annotations


class StatementRefused(Exception):
    """The statement stays as it is; the message says why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
