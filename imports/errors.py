"""Why a file cannot be imported."""

from __future__ import annotations

from collections.abc import Sequence


class ImportRefused(Exception):
    """The whole file is unusable; the message says why."""


class TableRefused(ImportRefused):
    """The file cannot be read as a table; the text says where and why."""


class RowFault(Exception):
    """One cell of a row is wrong; ``rule`` says what would be right.

    ``further`` are more faults of the cell if it holds several values, such as
    intervals.
    """

    def __init__(
        self, column: str, value: str, rule: str, further: Sequence[RowFault] = ()
    ) -> None:
        self.column, self.value, self.rule, self.further = column, value, rule, further
        super().__init__(column, value, rule)

    def __str__(self) -> str:
        return f"{self.column}: {self.rule} {quote_value(self.value[:80])}"

    @property
    def all(self) -> list[RowFault]:
        """Return them anew, since a raised one keeps the row's files in its traceback."""
        return [RowFault(fault.column, fault.value, fault.rule) for fault in (self, *self.further)]


def quote_value(value: str) -> str:
    """Say which value a fault is about, in a command and in the file of bad rows."""
    return f"The value is “{value}”." if value else "The value is empty."
