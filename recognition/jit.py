"""Compile numeric functions, with the code cached on disk and without the GIL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile on the first call; the type stays that of the function."""
    return cast("Function", njit(cache=True, nogil=True)(function))


def compiled_fastmath(function: Function) -> Function:
    """Compile like ``compiled``, but let floating-point sums be reordered."""
    return cast("Function", njit(cache=True, nogil=True, fastmath=True)(function))
