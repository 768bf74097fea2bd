"""Records which SQL statements each test makes, and chooses tests that make them all.

``pytest -p tests.statements --statements FOLDER`` records. ``tests.on_postgres`` then runs
only what it needs to send every statement, and to meet every database error, once more.
"""

from __future__ import annotations

import heapq
import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, TextIO

import pytest
from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

# Statements, or parts of plain ones, that a second of a test must add to be worth it.
_WORTH = 8.0
_LEAST_SECONDS = 0.03
_USES_DATABASE = frozenset({"db", "transactional_db", "live_server"})
_LEFT_TO_SQLITE = frozenset({"slow", "soak", "e2e"})
# Savepoints have a random name in each statement.
_TRANSACTIONS = ("BEGIN", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO")
_ONLY_SQLITE = re.compile(r"PRAGMA|\bsqlite_")
# Alike are statements that differ in their numbers and in the length of their lists.
_NUMBERS = re.compile(r"\b\d+\b")
_VALUES = re.compile(r"%s(, %s)+")
_ROWS = re.compile(r"(\(%s\))(, \(%s\))+")
_COLUMNS = re.compile(r'SELECT ("\w+"."\w+"( AS "\w+")?(, )?)+ FROM')
_PLAIN = ("SELECT", "UPDATE", "DELETE")
_CLAUSES = re.compile(
    r"\b(?:FROM|INNER JOIN|ON|WHERE|AND|OR|NOT|SET|ORDER BY|LIMIT|OFFSET)\b|[(),]"
)
# Functions, inner queries, operators of types, and what has rules of its own. PostgreSQL locks
# no row on the far side of an outer join, and SQLite does not say which statement locks.
_SPECIAL = re.compile(
    r"[A-Za-z_]\(|\(SELECT|->|\|\||::|[@<]>|&&|~"
    r"|\b(?:DISTINCT|GROUP|UNION|EXCEPT|INTERSECT|WITH|OVER|EXISTS|CASE|CAST|FOR UPDATE|LIKE"
    r"|COLLATE|NULLS|BETWEEN|LEFT OUTER JOIN)\b"
)


@dataclass(frozen=True, slots=True)
class Made:
    """The statements that a test made, as hashes, and its seconds."""

    test: str
    seconds: float
    statements: frozenset[str]


class Recorder:
    """Writes what each test of this process makes into a file of its own."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._found: set[str] = set()
        self._begun = 0.0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Write which tests there are, whatever becomes of them."""
        tests = {
            item.nodeid: item.get_closest_marker("each_database") is not None
            for item in session.items
            if may_repeat(item)
        }
        Path(self._file.name).with_suffix(".json").write_text(json.dumps(tests))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Forget what the test before made."""
        self._found.clear()
        self._begun = time.process_time()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Write what a test and its fixtures made, unless it is skipped or fails."""
        yield
        seconds = time.process_time() - self._begun
        row = [item.nodeid, round(seconds, 3), sorted(self._found)]
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()

    def watch(self, name: str) -> None:
        """Note what a method of all cursors sends."""
        send = getattr(CursorWrapper, name)

        # Any: what Django's cursor takes and returns.
        def noting(cursor: CursorWrapper, sql: Any, params: Any = None) -> Any:
            if str(sql).startswith(_TRANSACTIONS):
                return send(cursor, sql, params)
            self._found |= kinds_of(str(sql))
            try:
                return send(cursor, sql, params)
            except DatabaseError as error:
                self._found |= kinds_of(f"{type(error).__name__} {sql}")
                raise

        setattr(CursorWrapper, name, noting)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run record the statements of its tests."""
    parser.addoption("--statements", type=Path, metavar="FOLDER")


def pytest_configure(config: pytest.Config) -> None:
    """Record in each process that runs tests; the first one empties the folder."""
    folder: Path | None = config.getoption("--statements")
    # A run of what failed before would record only that.
    if folder is None or config.getoption("--last-failed"):
        return
    worker = getattr(config, "workerinput", None)
    if worker is None:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json*"):
            path.unlink()
    name = worker["workerid"] if worker else "main"
    recorder = Recorder((folder / f"{name}.jsonl").open("w"))
    recorder.watch("execute")
    recorder.watch("executemany")
    config.pluginmanager.register(recorder)


def may_repeat(item: pytest.Item) -> bool:
    """Return whether a test uses the test database and takes no seconds."""
    marks = {mark.name for mark in item.iter_markers()}
    fixtures = getattr(item, "fixturenames", ())
    uses = "django_db" in marks or not _USES_DATABASE.isdisjoint(fixtures)
    return uses and _LEFT_TO_SQLITE.isdisjoint(marks)


@cache
def kinds_of(sql: str) -> frozenset[str]:
    """Return the hashes of what a statement may ask of a database; nothing if only SQLite has it.

    A plain statement falls into its joins, conditions and orders, because a database that
    does two of them does both. All others count as a whole, without numbers and columns.
    """
    if _ONLY_SQLITE.search(sql):
        return frozenset()
    kind = _NUMBERS.sub("0", _ROWS.sub(r"\1", _VALUES.sub("%s", sql)))
    kind = _COLUMNS.sub("SELECT columns FROM", kind)
    parts = [kind]
    if kind.startswith(_PLAIN) and not _SPECIAL.search(kind):
        parts = [part.strip() for part in _CLAUSES.split(kind) if '"' in part]
    return frozenset(blake2b(part.encode(), digest_size=8).hexdigest() for part in parts)


def read(folder: Path) -> list[Made]:
    """Return what the tests of the last recorded run made; nothing without a run."""
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    return [Made(test, seconds, frozenset(lines)) for test, seconds, lines in rows]


def modules_to_repeat(folder: Path) -> set[str]:
    """Return the files with tests that PostgreSQL has to run; nothing without a record.

    Those that send something new in little time, those that wait for other connections,
    and those that no record of SQLite names.
    """
    markers: dict[str, bool] = {}
    for path in folder.glob("*.json"):
        markers |= json.loads(path.read_text())
    recorded = {record.test: record for record in read(folder)}
    chosen = choose(recorded[test] for test in markers if test in recorded)
    return {
        test.partition("::")[0]
        for test, waits in markers.items()
        if waits or test in chosen or test not in recorded
    }


def choose(candidates: Iterable[Made]) -> set[str]:
    """Return the names of tests that make the most statements in the least time."""
    made = list(candidates)
    missing = frozenset().union(*(record.statements for record in made))
    chosen: set[str] = set()

    def worth(record: Made) -> float:
        return len(record.statements & missing) / max(record.seconds, _LEAST_SECONDS)

    queue = [(-worth(record), record.test, record) for record in made]
    heapq.heapify(queue)
    while queue:
        _worth_before, test, first = heapq.heappop(queue)
        now = worth(first)
        if now < _WORTH:
            continue
        # A test's worth only falls: it is the best if it is still ahead of the next one.
        if queue and -now > queue[0][0]:
            heapq.heappush(queue, (-now, test, first))
            continue
        chosen.add(test)
        missing -= first.statements
    return chosen
