"""The product's own files, for tests that read its source."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_NOT_THE_PRODUCT = {"benchmarks", "docs", "tests"}
_AT_THE_ROOT = {"build", "dist", "var"}


def files(suffix: str | tuple[str, ...]) -> Iterator[Path]:
    """Yield the files with a suffix, in order: the core's and those of plug-ins."""
    for folder, folders, names in os.walk(ROOT):
        left_out = {*_NOT_THE_PRODUCT, *(_AT_THE_ROOT if Path(folder) == ROOT else ())}
        folders[:] = sorted(
            name for name in folders if name not in left_out and not name.startswith((".", "__"))
        )
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(suffix))


def name_of(path: Path) -> str:
    """Return a file's path below the root."""
    return path.relative_to(ROOT).as_posix()


def is_test(name: str) -> bool:
    """Return whether a path below the root lies in the tests."""
    return "tests" in Path(name).parts
