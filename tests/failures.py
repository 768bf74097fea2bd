"""Functions that fail, in place of those that reach a disk, a database or a library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def failing(error: Exception) -> Callable[..., Any]:  # Any: what it stands in for
    """Return a function that always raises ``error``."""

    def fail(*_arguments: object, **_options: object) -> object:
        raise error

    return fail
