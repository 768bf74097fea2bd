"""How many small faults the tests notice: the same 300 before and after a change.

``python -m tests.mutants map`` runs the tests that need no browser once and notes which
of them reach which line. ``python -m tests.mutants run`` then draws faults over the
product, one seed, and runs for each the tests that reach its line, those first that
reach little else. It prints what no test noticed, and ends with 1 if more than
``--survivors`` did. Results stay under ``var/mutants``; an interrupted run continues.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from coverage import CoverageData

from tests import databases, product

_ROOT = Path(__file__).parent.parent
_KEPT = _ROOT / "var" / "mutants"
_MAP = _KEPT / "coverage.sqlite3"
_NOT_DRAWN = {"benchmarks", "demo", "docs", "migrations"}
# A fault that this many tests with the fewest other lines pass over counts as unnoticed.
_MOST_TESTS = 60
_MOST_OTHERS = 20
_LIMIT_SECONDS = 300
_ANY = 0  # stands for all lines of a module
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault: ``number`` counts the places of ``kind`` in the module ``path``."""

    path: str
    kind: str
    number: int
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.kind}"


def main() -> int:
    """Map the lines, or run the faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["map", "run"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--survivors", type=int, default=300)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    _KEPT.mkdir(parents=True, exist_ok=True)
    if options.what == "map":
        return _map(options.processes)
    survivors = list(_survivors(options.seed, options.count, options.processes))
    for mutant in survivors:
        print(f"nobody noticed {mutant}")  # noqa: T201
    print(f"{options.count - len(survivors)} of {options.count} noticed")  # noqa: T201
    return 1 if len(survivors) > options.survivors else 0


def _map(processes: int) -> int:
    """Run the tests with coverage; a test that fails on its own is not of use."""
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", str(processes)),
            *("-m", "not slow and not e2e", "--cov", "--cov-context=test"),
            "--cov-report=",
        ],
        cwd=_ROOT,
        env=os.environ | {"COVERAGE_FILE": str(_MAP)},
        check=False,
    )
    return ended.returncode


def draw(seed: int, count: int) -> list[Mutant]:
    """Return the faults of a seed, drawn from all places of the product."""
    places = [
        Mutant(str(path.relative_to(_ROOT)), kind, number, line)
        for path in product.files(".py")
        if not _NOT_DRAWN.intersection(path.relative_to(_ROOT).parts)
        for kind, number, line in _places(ast.parse(path.read_text("utf-8")))
    ]
    return random.Random(seed).sample(places, count)  # noqa: S311 - no secret


def mutated(source: str, mutant: Mutant) -> str:
    """Return a module's source with the fault."""
    tree = ast.parse(source)
    numbers: dict[str, int] = defaultdict(int)
    for parent, name, index, node in list(_nodes(tree)):
        for kind, faulty in _faults(node):
            if (kind, numbers[kind]) == (mutant.kind, mutant.number):
                _put(parent, name, index, faulty)
                return ast.unparse(ast.fix_missing_locations(tree))
            numbers[kind] += 1
    raise LookupError(f"{mutant} is not in its module any more")


def _places(tree: ast.Module) -> Iterator[tuple[str, int, int]]:
    numbers: dict[str, int] = defaultdict(int)
    for _parent, _name, _index, node in _nodes(tree):
        for kind, _faulty in _faults(node):
            yield kind, numbers[kind], getattr(node, "lineno", 0)
            numbers[kind] += 1


def _nodes(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """Yield each node with its place, except for annotations, which nothing runs."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns"}:
            continue
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if isinstance(child, ast.AST):
                yield tree, name, index if isinstance(value, list) else None, child
                yield from _nodes(child)


def _faults(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield the kind of fault that a node can have, and the faulty node."""
    faulty: Any = copy.copy(node)  # Any: a node of the kind that a branch checks
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
        faulty.ops = [_SWAPPED[type(node.ops[0])](), *node.ops[1:]]
        yield "comparison", faulty
    elif isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in _SWAPPED:
        faulty.op = _SWAPPED[type(node.op)]()
        yield "operator", faulty
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "condition", node.operand
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        faulty.test = ast.UnaryOp(ast.Not(), faulty.test)
        yield "condition", faulty
    elif isinstance(node, ast.Return) and not _is_none(node.value):
        yield "return", ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
        yield "removed", ast.Pass()


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _put(parent: ast.AST, name: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[index] = node


def _survivors(seed: int, count: int, processes: int) -> Iterator[Mutant]:
    """Yield the faults that no test noticed, each tried once in all runs."""
    results = _KEPT / f"results-{databases.fingerprint_code()}-{seed}.jsonl"
    lines = results.read_text("utf-8").splitlines() if results.exists() else []
    noticed_by_mutant = {
        Mutant(**line["mutant"]): bool(line["noticed"]) for line in map(json.loads, lines)
    }
    drawn = draw(seed, count)
    reached = _tests_reaching(drawn)
    trees: SimpleQueue[Path] = SimpleQueue()
    for number in range(processes):
        trees.put(_copy_of_the_tree(number))

    def try_one(mutant: Mutant) -> tuple[Mutant, bool]:
        if mutant in noticed_by_mutant:
            return mutant, noticed_by_mutant[mutant]
        tree = trees.get()
        try:
            tests = reached[mutant]
            noticed = bool(tests) and _is_noticed(tree, mutant, tests)
        finally:
            trees.put(tree)
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"mutant": asdict(mutant), "noticed": noticed}) + "\n")
        return mutant, noticed

    with ThreadPoolExecutor(processes) as pool:
        for mutant, noticed in pool.map(try_one, drawn):
            if not noticed:
                yield mutant


def _copy_of_the_tree(number: int) -> Path:
    """Return a copy of the tracked files, which keeps what tests share between runs."""
    tree = _KEPT / f"tree-{number}"
    tree.mkdir(exist_ok=True)
    for path in tree.iterdir():
        if path.is_dir() and not path.is_symlink() and path.name != "var":
            shutil.rmtree(path)
    process = subprocess.run(
        ["git", "ls-files"], cwd=_ROOT, check=True, capture_output=True, text=True
    )
    for name in process.stdout.splitlines():
        if (_ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / name, tree / name)
    (tree / "var").mkdir(exist_ok=True)
    shutil.copy(_ROOT / "var" / "secret_key", tree / "var" / "secret_key")
    return tree


def _is_noticed(tree: Path, mutant: Mutant, tests: Sequence[str]) -> bool:
    """Return whether a test fails, or hangs, with the fault."""
    path = tree / mutant.path
    whole = path.read_text("utf-8")
    path.write_text(mutated(whole, mutant), "utf-8")
    data = str(tree / "var")
    own = {"ACRPORTAL_DATA_DIR": data, "NUMBA_CACHE_DIR": f"{data}/numba"}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", *tests],
            cwd=tree,
            env=os.environ | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(whole, "utf-8")
    return ended.returncode != 0


def _tests_reaching(mutants: Sequence[Mutant]) -> dict[Mutant, list[str]]:
    """Return the tests that reach each fault's line, the narrowest first.

    Others of its module follow: compiled code and other processes leave no trace of
    their lines, and what is cached only the first test reaches.
    """
    data = CoverageData(str(_MAP))
    data.read()
    reached: dict[tuple[str, int], set[str]] = defaultdict(set)
    breadth: dict[str, int] = defaultdict(int)
    for measured in data.measured_files():
        name = str(Path(measured).relative_to(_ROOT))
        for line, contexts in data.contexts_by_lineno(measured).items():
            tests = {context.partition("|")[0] for context in contexts if "::" in context}
            for test in tests:
                breadth[test] += 1
            reached[name, line] = tests
            reached[name, _ANY] |= tests

    def narrowest(tests: set[str]) -> list[str]:
        return sorted(tests, key=lambda test: (breadth[test], test))

    lines = {}
    for mutant in mutants:
        here = reached[mutant.path, mutant.line]
        tests_elsewhere = reached[mutant.path, _ANY] - here
        lines[mutant] = [*narrowest(here)[:_MOST_TESTS], *narrowest(tests_elsewhere)[:_MOST_OTHERS]]
    return lines


if __name__ == "__main__":
    sys.exit(main())
