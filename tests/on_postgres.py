"""Runs tests that use the database on PostgreSQL too, if a server answers.

``python -m tests.on_postgres [arguments of pytest]``; ``TEST_DATABASE_URL`` names the
server, with a superuser. pytest loads this module as a plugin then.

``make test-all`` records the SQL statements of each test on SQLite. Those tests run again
that send every statement once more in the least time (``tests.statements``); those that no
record names, because they are new or need PostgreSQL; and those with the mark
``each_database``: threads and processes that wait for each other send the same statements
everywhere. Without a record, all tests that use the database run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests import databases, statements

_ROOT = Path(__file__).parent.parent
STATEMENTS = _ROOT / "var" / "statements"
"""Where ``make test-all`` records the statements of each test."""
# They ask the engine or a portal on SQLite. Each process would import them for nothing.
_WITHOUT = ("tests/recognition", "tests/e2e", "tests/wire", "tests/season")
_DEFAULT = "postgres://postgres@127.0.0.1:5432/postgres"


def main() -> int:
    """Return pytest's exit code; 0 if there is no server."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    fast = prepared()
    if fast is None:
        return 0
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.on_postgres"),
            *(f"--ignore-glob={place}{path}" for place in ("", "plugins/*/") for path in _WITHOUT),
            *(_modules() if not _names_tests(sys.argv[1:]) else ()),
            *sys.argv[1:],
        ],
        env=os.environ | {"DATABASE_URL": fast},
        check=False,
    ).returncode


def _names_tests(arguments: Sequence[str]) -> bool:
    return any(Path(argument.partition("::")[0]).exists() for argument in arguments)


def _modules() -> list[str]:
    """Return the files to collect; nothing for all of them.

    Collecting all tests takes as long as running a hundred. Files that have changed
    since the record may have other tests.
    """
    modules = statements.modules_to_repeat(STATEMENTS)
    if not modules:
        return []
    recorded = min(path.stat().st_mtime for path in STATEMENTS.glob("*.json"))
    changed = {
        str(path.relative_to(_ROOT))
        for folder in ("tests", "plugins")
        for path in (_ROOT / folder).rglob("test_*.py")
        if path.stat().st_mtime > recorded
    }
    there = {path for path in modules if (_ROOT / path).exists()}
    return sorted(path for path in there | changed if not path.startswith(_WITHOUT))


def prepared() -> str | None:
    """Return the server's address once it has the migrated databases; None without one."""
    url = os.environ.get("TEST_DATABASE_URL", _DEFAULT)
    try:
        server = psycopg.connect(url, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        print(f"PostgreSQL tests skipped, no server: {str(error).splitlines()[0]}")  # noqa: T201
        return None
    # Nothing here outlives the run, so no commit has to wait for the disk.
    fast = f"{url}?options={quote('-c synchronous_commit=off')}"
    with server:
        databases.prepare(server, fast)
    return fast


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that use no database or send nothing new."""
    recorded = {made.test: made for made in statements.read(STATEMENTS)}
    # A slow test would be left out after its statements had counted as sent.
    usable = [item for item in items if statements.may_repeat(item)]
    candidates = [recorded[item.nodeid] for item in usable if item.nodeid in recorded]
    left_out = recorded.keys() - statements.choose(candidates)
    chosen = [
        item
        for item in usable
        if item.nodeid not in left_out or item.get_closest_marker("each_database")
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


if __name__ == "__main__":
    sys.exit(main())
