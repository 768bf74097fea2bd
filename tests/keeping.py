"""What tests make once and keep on disk for all processes and later runs.

Sounds by calculation, their renditions, migrated databases, and the demo that browser
tests start from.
"""

from __future__ import annotations

import fcntl
import inspect
import os
import platform
import shutil
import tempfile
import time
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
_DAY_SECONDS = 24 * 3600


def cached(make: Callable[P, Samples]) -> Callable[P, Samples]:
    """Return a function that makes each sound once, as long as its module stays the same."""
    module = Path(inspect.getfile(make)).read_bytes()
    versions = f"{np.__version__} {platform.python_version()} {platform.machine()}"
    folder = _KEPT / sha256(module + versions.encode()).hexdigest()[:16]

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Samples:
        query = repr((make.__name__, args, sorted(kwargs.items())))
        path = folder / f"{sha256(query.encode()).hexdigest()[:32]}.npy"
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


def copy(made: Path, path: Path) -> None:
    """Keep a copy of a file that other processes see only when it is whole."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(made.read_bytes())
    Path(file.name).replace(path)


def folder(kept_in: Path, version: str, make: Callable[[Path], None], *, days: int) -> Path:
    """Return the folder of a version, which ``make`` has filled.

    The first process fills it, the others wait for it. Versions that nobody used for
    some days go.
    """
    kept_in.mkdir(parents=True, exist_ok=True)
    path = kept_in / version
    with (kept_in / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_dir():
            _forget_old(kept_in, days)
            unfinished = kept_in / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(path)
    os.utime(path)
    return path


def _forget_old(kept_in: Path, days: int) -> None:
    for path in kept_in.iterdir():
        if path.is_dir() and path.stat().st_mtime < time.time() - days * _DAY_SECONDS:
            shutil.rmtree(path)
