"""The one way functions are compiled: cached on disk, and free of the GIL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile at the first call; typed as the function itself."""
    return cast("Function", njit(cache=True, nogil=True)(function))


def compiled_fastmath(function: Function) -> Function:
    """Like ``compiled``, with floating-point sums free to be reordered."""
    return cast("Function", njit(cache=True, nogil=True, fastmath=True)(function))
