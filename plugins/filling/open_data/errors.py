"""Why a source cannot be read."""

from __future__ import annotations

from typing import Final

CODES: Final = frozenset(
    {
        "dump_schema",
        "dump_columns",
        "dump_incomplete",
        "dump_checksum",
        "dump_too_large",
        "dump_unreadable",
    }
)


class SourceRefused(Exception):
    """A file cannot be read as this source; the text says why and what to do.

    ``code`` is one of ``CODES``.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def to_text(error: SourceRefused) -> str:
    """Return code and message in one text, for the way out of a child process."""
    return f"{error.code}\n{error}"


def from_text(text: str) -> SourceRefused:
    """Return what ``to_text`` wrote; a child that lies gets no code of its own."""
    code, _line, message = text.partition("\n")
    if code not in CODES:
        return SourceRefused("dump_unreadable", text)
    return SourceRefused(code, message)
