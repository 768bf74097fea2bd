"""Finds names that say the grammar of a sentence instead of the thing: ``each``, ``found``.

``python -m tests.naming`` prints where the product binds them, and where its tests and
benchmarks do. It fails if in either they are more than ``LIMIT`` of all names.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
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
    product_files = (path for path in product.files(".py") if "migrations" not in path.parts)
    # Count both, so that one run says all.
    shares = [
        _count("the product", product_files),
        _count("tests and benchmarks", product.files_of_tests(".py")),
    ]
    return max(shares) > LIMIT


def _count(part: str, paths: Iterable[Path]) -> float:
    """Print where a part binds words of grammar; return their share of its names."""
    total, places = 0, list[str]()
    for path in paths:
        for line, name in _bound_names(ast.parse(path.read_text("utf-8"))):
            total += 1
            if name.strip("_") in GRAMMAR:
                places.append(f"{product.name_of(path)}:{line}: {name}\n")
    share = len(places) / max(total, 1)
    sys.stdout.write(
        f"{''.join(places)}{len(places)} of {total} names of {part} are words of grammar, "
        f"{share:.2%}; at most {LIMIT:.1%} may be.\n"
    )
    return share


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
