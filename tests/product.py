"""The files of the product and of its tests, for tests that read source."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_NOT_THE_PRODUCT = {"benchmarks", "docs", "tests"}
_AT_THE_ROOT = {"build", "dist", "var"}


def files(suffix: str | tuple[str, ...]) -> Iterator[Path]:
    """Yield the files with a suffix, in order: the core's and those of plug-ins."""
    yield from _walk(suffix, left_out=_NOT_THE_PRODUCT)


def files_of_tests(suffix: str) -> Iterator[Path]:
    """Yield the files with a suffix of tests and benchmarks, those of plug-ins too."""
    paths = _walk(suffix, left_out={"docs"})
    yield from (
        path for path in paths if not _NOT_THE_PRODUCT.isdisjoint(path.relative_to(ROOT).parts)
    )


def _walk(suffix: str | tuple[str, ...], *, left_out: Container[str]) -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        built = _AT_THE_ROOT if Path(folder) == ROOT else ()
        folders[:] = sorted(
            name
            for name in folders
            if name not in left_out and name not in built and not name.startswith((".", "__"))
        )
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(suffix))


def name_of(path: Path) -> str:
    """Return a file's path below the root."""
    return path.relative_to(ROOT).as_posix()


def is_test(name: str) -> bool:
    """Return whether a path below the root lies in the tests."""
    return "tests" in Path(name).parts
