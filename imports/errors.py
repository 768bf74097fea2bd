"""Why a file cannot be imported."""

from __future__ import annotations


class ImportRefused(Exception):
    """The whole file is unusable; the message says why."""


def quote_value(value: str) -> str:
    """Say which value a fault is about, in a command and in the file of bad rows."""
    return f"The value is “{value}”." if value else "The value is empty."
