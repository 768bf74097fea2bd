"""Finds modules that import each other in a circle, also by imports inside functions.

``python -m tests.circles`` fails at the first one and names its modules in order: turn one
of the imports, or move what both ends need down.
"""

from __future__ import annotations

import sys
import tomllib
from graphlib import CycleError, TopologicalSorter

import grimp

from tests import product


def main() -> int:
    """Return 1 if modules of the product import each other in a circle, else 0."""
    settings = tomllib.loads((product.ROOT / "pyproject.toml").read_text("utf-8"))
    packages = settings["tool"]["importlinter"]["root_packages"]
    # That of import-linter, which has just read the same files.
    graph = grimp.build_graph(*packages, cache_dir=".import_linter_cache")
    imported = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        sys.stdout.write(f"A circle of imports: {' <- '.join(error.args[1])}\n")
        return 1
    sys.stdout.write(f"{len(imported)} modules import each other in no circle.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
