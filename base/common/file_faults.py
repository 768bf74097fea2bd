"""Say in words why a command cannot read or write a path."""

from __future__ import annotations

from typing import Final

_REASONS: Final[dict[type[OSError], str]] = {
    FileExistsError: "it is a file; name a folder",
    IsADirectoryError: "it is a folder; name a file",
    NotADirectoryError: "a part of the path is a file, not a folder",
    FileNotFoundError: "there is no such file or folder",
    PermissionError: "the user of this process may not read or write it",
}


def reason_of(error: OSError) -> str:
    """Return why a path cannot be used, for the middle of a sentence."""
    return _REASONS.get(type(error)) or error.strerror or str(error)


def path_and_reason(error: OSError) -> str:
    """Return the path of an error, if it has one, and why it cannot be used."""
    path = error.filename2 or error.filename
    return f"{path}: {reason_of(error)}" if path else reason_of(error)
