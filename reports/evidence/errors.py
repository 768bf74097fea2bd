"""Why a pack cannot be had; each text says what to do."""

from __future__ import annotations


class EvidenceRefused(Exception):
    """A pack cannot be asked for now; ``code`` names the reason for programs."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


class PackCancelled(Exception):
    """Somebody cancelled the pack, or another worker has it."""
