"""Why an action on claims is refused."""

from __future__ import annotations


class ClaimsRefused(Exception):
    """The action is impossible; the message says why and what to do."""

    def __init__(self, message: str, code: str = "not_possible") -> None:
        self.message, self.code = message, code
        super().__init__(message)
