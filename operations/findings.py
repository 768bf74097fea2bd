"""Findings of the doctor, and the checks that packages above add."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from base.common.registry import Registry


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One problem, what to do about it, and its automatic repair if there is one."""

    check: str
    problem: str
    remedy: str
    mend: Callable[[], object] | None = None
    "Repairs the problem; None if only a person can."


checks: Registry[Callable[[], Iterable[DoctorFinding]]] = Registry()
"""Checks of other parts; they run after those of the doctor."""
