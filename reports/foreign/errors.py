"""Why results of another program cannot be read; each text names the place."""

from __future__ import annotations

from dataclasses import dataclass


class ResultsRefused(Exception):
    """The file as a whole cannot be read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row or file that cannot be taken: line (0 where there is none), column, why."""

    line: int
    column: str
    message: str
