"""Whoever reads JSON from outside expects that it nests too deeply for Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests import product

# What the portal or the engine wrote itself, and where.
OWN = {
    "acrportal/advisories.py": "a file of the repository",
    "common/sealed_sessions.py": "sealed with the portal's key",
    "enrichment/open_data/index.py": "an index that the portal made",
    "enrichment/open_data/musicbrainz/source.py": "columns that its own query makes",
    "imports/platforms/prior.py": "what an import kept",
    "monitoring/declarations/keeping.py": "what a declaration kept",
    "monitoring/streams/recording/run_files.py": "files of a recorder",
    "operations/backup.py": "a scratch file of the same backup",
    "operations/moving.py": "the state of a move on this machine",
    "operations/tables.py": "tables of a backup, whose hashes were compared",
    "portal/management/demo.py": "what the demo kept",
    "recognition/commands/collection.py": "an index, with its checksums",
    "recognition/index/manifest.py": "an index, with its checksums",
    "recognition/isolation/wire.py": "in the child: the request of its parent",
    "recognition/partitioned/scanning.py": "the state of a search",
    "reports/keeping.py": "what a report kept",
    "scanning/callback_processing.py": "a body that was read when it came",
    "scanning/engines/acrcloud_results.py": "text that the function wrote itself",
}


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
                    guarded |= {id(each) for each in ast.walk(statement)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "json.loads":
                yield product.name_of(path), node.lineno, id(node) in guarded


def _expects_depth(node: ast.Try | ast.With) -> bool:
    if isinstance(node, ast.With):
        # ``contextlib.suppress``.
        caught = " ".join(ast.unparse(item.context_expr) for item in node.items)
    else:
        types = (handler.type for handler in node.handlers)
        caught = " ".join(ast.unparse(each) for each in types if each)
    return "RecursionError" in caught or "UNREADABLE" in caught


# Checked before by a function that does expect it.
_CHECKED_BEFORE = {"scanning/engines/acrcloud.py": "_holds"}


def test_json_from_outside_is_read_with_care() -> None:
    calls = list(_calls())
    careless = [
        f"{place}:{line}"
        for place, line, is_guarded in calls
        if not is_guarded and place not in OWN and place not in _CHECKED_BEFORE
    ]

    assert len(calls) > 25
    assert careless == [], "catch RecursionError, or say in OWN whose JSON it is"
    assert OWN.keys() <= {place for place, _line, is_guarded in calls if not is_guarded}
