"""What the doctor found: the problem, what to do, and how it can be mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    check: str
    problem: str
    remedy: str
    mend: Callable[[], object] | None = None
    """Repairs it; None where only a person can."""
