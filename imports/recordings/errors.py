"""Why a row cannot be imported, or not yet."""

from __future__ import annotations

from imports.recordings.rows import ImportFault


class RowRefused(Exception):
    """A valid row cannot be imported; the text says why."""


class Unfit(Exception):
    """A row cannot be imported because of one of its cells."""

    def __init__(self, column: str, value: str, rule: str) -> None:
        self.fault = ImportFault(column, value, rule)
        super().__init__(str(self.fault))


class Overtaken(Exception):
    """Another process changed the catalogue meanwhile; decide about the row again."""
