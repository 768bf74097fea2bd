"""Finds names that say the grammar of a sentence instead of the thing: ``each``, ``found``.

``python -m tests.naming [FOLDER …]`` prints where the folders, by default the product,
bind them. It fails if they are more than ``LIMIT`` of all names.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests import product

GRAMMAR: Final = frozenset(
    {
        *("asked", "each", "found", "given", "kept", "known", "left", "listed"),
        *("more", "one", "other", "others", "rest", "said", "shown", "such", "told"),
        *("wanted", "what", "who"),
    }
)
"""Words that stand for a thing without naming it."""
LIMIT: Final = 0.003
"""Some are right: the sides of a comparison, the names of a wire format."""


def main() -> int:
    """Return 1 if too many names are words of grammar, else 0."""
    total, places = 0, list[str]()
    for path in _files(sys.argv[1:]):
        for line, name in _bound_names(ast.parse(path.read_text("utf-8"))):
            total += 1
            if name.strip("_") in GRAMMAR:
                places.append(f"{product.name_of(path)}:{line}: {name}\n")
    share = len(places) / max(total, 1)
    sys.stdout.write(
        f"{''.join(places)}{len(places)} of {total} names are words of grammar, "
        f"{share:.2%}; at most {LIMIT:.1%} may be.\n"
    )
    return share > LIMIT


def _files(folders: list[str]) -> Iterator[Path]:
    if not folders:
        paths = product.files(".py")
        yield from (path for path in paths if "migrations" not in path.parts)
    for folder in folders:
        yield from sorted((product.ROOT / folder).rglob("*.py"))


def _bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each variable, parameter, function and class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name


if __name__ == "__main__":
    sys.exit(main())
