"""Why something about suggestions cannot be done."""

from __future__ import annotations


class EnrichmentRefused(Exception):
    """Nothing was changed; the text says why and what to do. ``code`` is for machines."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)
