"""Sounds that tests make by calculation, kept on disk for all processes and later runs."""

from __future__ import annotations

import inspect
import platform
import tempfile
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import ParamSpec

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
P = ParamSpec("P")

_ROOT = Path(__file__).parent.parent
_KEPT = _ROOT / "var" / "test-sounds"


def kept(make: Callable[P, Samples]) -> Callable[P, Samples]:
    """Return a function that makes each sound once, as long as its module stays the same."""
    module = Path(inspect.getfile(make)).read_bytes()
    versions = f"{np.__version__} {platform.python_version()} {platform.machine()}"
    folder = _KEPT / sha256(module + versions.encode()).hexdigest()[:16]

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Samples:
        asked = repr((make.__name__, args, sorted(kwargs.items())))
        path = folder / f"{sha256(asked.encode()).hexdigest()[:32]}.npy"
        try:
            sound: Samples = np.load(path)
        except FileNotFoundError:
            sound = make(*args, **kwargs)
            _write(path, sound)
        return sound

    return made


def _write(path: Path, sound: Samples) -> None:
    """Write a file that other processes see only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        np.save(file, sound)
    Path(file.name).replace(path)
