"""Refusals of evidence packs; each message says what to do."""

from __future__ import annotations


class EvidenceRefused(Exception):
    """A pack cannot be requested now; ``code`` is the reason for programs."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)
