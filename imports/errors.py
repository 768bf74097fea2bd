"""Why a file cannot be imported."""

from __future__ import annotations


class ImportRefused(Exception):
    """The whole file is unusable; the message says why."""
