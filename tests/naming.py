"""Counts names that say the grammar of a sentence instead of the thing: ``each``, ``found``.

``python -m tests.naming [FOLDER …]`` prints where they are bound.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
GRAMMAR: Final = frozenset(
    [
        "asked",
        "each",
        "found",
        "given",
        "kept",
        "known",
        "left",
        "listed",
        "more",
        "one",
        "other",
        "others",
        "rest",
        "said",
        "shown",
        "such",
        "told",
        "wanted",
        "what",
        "who",
    ]
)
"""Words that stand for a thing without naming it."""


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each variable, parameter, function and class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


def main() -> None:
    """Print each place, and the share of these names among all."""
    places = [ROOT / name for name in sys.argv[1:]] or [ROOT]
    total, grammar = 0, 0
    for place in places:
        for path in sorted(place.rglob("*.py") if place.is_dir() else [place]):
            parts = path.relative_to(ROOT).parts
            if parts[0].startswith(".") or parts[0] == "var" or "migrations" in parts:
                continue
            for line, name in bound_names(ast.parse(path.read_text("utf-8"))):
                total += 1
                if name.strip("_") in GRAMMAR:
                    grammar += 1
                    sys.stdout.write(f"{path.relative_to(ROOT)}:{line}: {name}\n")
    share = 100 * grammar / max(total, 1)
    sys.stdout.write(f"{grammar} of {total} names, {share:.2f} %\n")


if __name__ == "__main__":
    main()
