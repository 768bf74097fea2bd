"""The result type of the doctor's checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One problem, what to do about it, and its automatic repair if there is one."""

    check: str
    problem: str
    remedy: str
    mend: Callable[[], object] | None = None
    "Repairs the problem; None if only a person can."
