"""Whoever reads JSON from outside expects that it nests too deeply for Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests import product
from tests.allowed import OWN_JSON


def _calls() -> Iterator[tuple[str, int, bool]]:
    """Yield the place of each ``json.loads``, and whether its errors are expected."""
    for path in product.files(".py"):
        if path.parent.name == "migrations":
            continue
        text = path.read_text(encoding="utf-8")
        if "json.loads(" not in text:
            continue
        tree = ast.parse(text)
        guarded: set[int] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Try | ast.With) and _expects_depth(node):
                for statement in node.body:
                    guarded |= {id(node) for node in ast.walk(statement)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "json.loads":
                yield product.name_of(path), node.lineno, id(node) in guarded


def _expects_depth(node: ast.Try | ast.With) -> bool:
    if isinstance(node, ast.With):
        # ``contextlib.suppress``.
        caught = " ".join(ast.unparse(item.context_expr) for item in node.items)
    else:
        types = (handler.type for handler in node.handlers)
        caught = " ".join(ast.unparse(node) for node in types if node)
    return "RecursionError" in caught or "UNREADABLE" in caught


# Checked before by a function that does expect it.
_CHECKED_BEFORE = {"scanning/engines/acrcloud.py": "_holds"}


def test_json_from_outside_is_read_with_care() -> None:
    calls = list(_calls())
    careless = [
        f"{place}:{line}"
        for place, line, is_guarded in calls
        if not is_guarded and place not in OWN_JSON and place not in _CHECKED_BEFORE
    ]

    assert len(calls) > 25
    assert careless == [], "catch RecursionError, or say in OWN_JSON whose JSON it is"
    assert OWN_JSON.keys() <= {place for place, _line, is_guarded in calls if not is_guarded}
