"""Compile numeric functions, with the code cached on disk and without the GIL.

Numba is loaded by the first call: it takes longer than all else that a command loads, and
most commands and pages compute nothing.

Compiled functions copy arrays, and write rows, by loops: for a slice to which an array or a
tuple is assigned, Numba compiles two seconds of code that words an error.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Callable
from functools import cache, cached_property, update_wrapper
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

# Without handlers of the caller's, Python writes its warnings to standard error.
_log = logging.getLogger("recognition")


class Compiled:
    """A function that is compiled on the first call for each combination of types."""

    def __init__(self, function: Callable[..., Any], **options: bool) -> None:
        update_wrapper(self, function)
        self._function, self._options = function, options

    @cached_property
    def dispatcher(self) -> Any:  # Any: numba types it half
        """Return numba's own object, which chooses and compiles the code."""
        numba = _numba()
        # No C code calls these functions, so none needs an entry for it.
        made = numba.njit(cache=True, no_cfunc_wrapper=True, **self._options)
        return made(self._function)

    @property
    def _numba_type_(self) -> Any:  # Any: as above
        """Let compiled functions call this one; numba asks objects for this name."""
        from numba import types

        return types.Dispatcher(self.dispatcher)

    def __call__(self, *arguments: Any) -> Any:  # Any: as the function says
        return self.dispatcher(*arguments)


class Part(Compiled):
    """A function that only compiled functions call.

    It has no entry for Python, which for many arrays takes longer to compile than the
    function, and shares what Numba compiles for its own functions, which have none.
    """

    __name__: str

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function, no_cpython_wrapper=True)

    def __call__(self, *arguments: Any) -> Any:  # Any: as the function says
        # Numba's object would end the process.
        raise TypeError(f"Only compiled functions can call {self.__name__}.")


class Late(Part):
    """A part of a module that itself needs numba: loaded by the first call."""

    def __init__(self, module: str, name: str) -> None:
        self.__module__, self.__name__ = module, name

    @cached_property
    def dispatcher(self) -> Any:  # Any: as above
        """Return what numba made of the function."""
        return getattr(import_module(self.__module__), self.__name__).dispatcher


@cache
def _numba() -> ModuleType:
    """Load numba, and say so once it has to compile: what waits for it seems to hang."""
    numba = import_module("numba")
    events = import_module("numba.core.event")
    said: list[socket.socket] = []

    class Listener(events.Listener):  # type: ignore[misc, name-defined]  # loaded late
        def on_start(self, _event: object) -> None:
            if not said:
                said.append(_spoken())

        def on_end(self, _event: object) -> None:
            pass

    events.register("numba:compile", Listener())
    return numba


def _spoken() -> socket.socket:
    """Say that the library compiles, unless another process of this user just said so.

    Each process that works beside it compiles its own part. The name of the socket is
    taken until the process ends.
    """
    speaking = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        speaking.bind(f"\0recognition-compiles-{os.getuid()}")
    except OSError:
        return speaking
    _log.warning(
        "The library recognition compiles for this machine what it uses for the first time: "
        "once, and up to two minutes of one core."
    )
    return speaking


def compiled(function: Function) -> Function:
    """Compile on the first call; the type stays that of the function."""
    return cast("Function", Compiled(function, nogil=True))


def compiled_part(function: Function) -> Function:
    """Compile a function that only compiled functions call."""
    return cast("Function", Part(function))


def compiled_fastmath(function: Function) -> Function:
    """Compile like ``compiled``, but let floating-point sums be reordered."""
    return cast("Function", Compiled(function, nogil=True, fastmath=True))


def load_compiler() -> None:
    """Load what the first call of a compiled function would, so that a fork has it.

    This process must run no other thread. Numba loads SciPy's linear algebra where it can,
    which takes as long as the rest of Numba, and no function here calls it.
    """
    unused = "scipy.linalg"
    hidden = unused not in sys.modules
    if hidden:
        sys.modules[unused] = ModuleType(unused)  # nothing can be imported from it
    try:
        import_module("numba.np.arraymath")
    finally:
        if hidden:
            sys.modules.pop(unused, None)
    import_module("numba").core.registry.cpu_target.target_context.refresh()
