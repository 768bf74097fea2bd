"""Errors in results of another program; each message names the place."""

from __future__ import annotations

from dataclasses import dataclass

from imports.errors import ImportRefused


class ResultsRefused(ImportRefused):
    """The whole file is unreadable."""


@dataclass(frozen=True, slots=True)
class ResultFault:
    """A row or file that cannot be imported: line (0 if unknown), column, cause."""

    line: int
    column: str
    message: str
