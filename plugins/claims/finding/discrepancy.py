"""A difference, and what names it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from plugins.claims.choices import DiscrepancyKind

Evidence = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class FoundDiscrepancy:
    """A difference; ``evidence`` says the same as long as nothing that matters changes."""

    kind: DiscrepancyKind
    subject: str
    evidence: Evidence = field(default_factory=dict)
    account: int | None = None
    claim: int | None = None
    asset: int | None = None
    video: int | None = None
    match: int | None = None
    recording: int | None = None
    scanned_file: int | None = None
    is_weak: bool = False
    views: int = 0
    due_on: date | None = None

    @property
    def key(self) -> str:
        """Return what names list and subject."""
        return f"{self.kind}:{self.subject}"

    @property
    def basis(self) -> str:
        """Return the digest of the evidence."""
        return _digest(json.dumps([self.evidence, self.is_weak], sort_keys=True))


@lru_cache(maxsize=4096)
def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
