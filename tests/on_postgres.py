"""Runs the tests that use the database on PostgreSQL too, if a server answers.

``python -m tests.on_postgres [arguments of pytest]``; ``TEST_DATABASE_URL`` names the
server, with a superuser. pytest loads this module as a plugin then.
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
from django.core.management.color import Style
from django.db.backends.base.base import BaseDatabaseWrapper

# Runs servers of its own, each with its own database.
_WITHOUT = ("tests/operations/test_draining.py",)
_DEFAULT = "postgres://postgres@127.0.0.1:5432/postgres"
TEMPLATE = "TEST_TEMPLATE"
"""The variable with the name of a migrated, empty database."""
_NAME = "acrportal_tests_template"
_USES_DATABASE = frozenset({"db", "transactional_db", "live_server"})


def main() -> int:
    """Return pytest's exit code; 0 if there is no server."""
    url = os.environ.get("TEST_DATABASE_URL", _DEFAULT)
    try:
        server = psycopg.connect(url, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        print(f"PostgreSQL tests skipped, no server: {str(error).splitlines()[0]}")  # noqa: T201
        return 0
    # Nothing here outlives the run, so no commit has to wait for the disk.
    fast = f"{url}?options={quote('-c synchronous_commit=off')}"
    server.execute(f"DROP DATABASE IF EXISTS {_NAME}")
    server.execute(f"CREATE DATABASE {_NAME}")
    template = fast.replace(f"/{server.info.dbname}?", f"/{_NAME}?")
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(
        migrate,
        env=os.environ | {"DATABASE_URL": template},
        cwd=Path(__file__).parent.parent,
        check=True,
    )
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.on_postgres"),
            *("-m", "not slow and not e2e and not any_database"),
            *(f"--ignore={path}" for path in _WITHOUT),
            *sys.argv[1:],
        ],
        env=os.environ | {"DATABASE_URL": fast, TEMPLATE: _NAME},
        check=False,
    ).returncode


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out the tests that use no database; they ran on SQLite already."""
    left_out = [item for item in items if not _uses_database(item)]
    items[:] = [item for item in items if _uses_database(item)]
    config.hook.pytest_deselected(items=left_out)


def _uses_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return bool(
        item.get_closest_marker("django_db") or _USES_DATABASE.intersection(fixtures)
    )


def empty_tables_fast(database: BaseDatabaseWrapper) -> None:
    """Let committing tests delete their few rows; TRUNCATE of all tables takes seconds."""

    def sql_flush(style: Style, tables: Sequence[str], **_options: bool) -> list[str]:
        filled = " UNION ALL ".join(
            f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})"  # noqa: S608
            for name in tables
        )
        with database.cursor() as cursor:
            cursor.execute(filled)
            names = [name for (name,) in cursor.fetchall()]
        # The audit tables refuse it otherwise.
        as_replica = "SET LOCAL session_replication_role = replica"
        return [as_replica, *(f"DELETE FROM {name}" for name in names)]  # noqa: S608

    database.ops.sql_flush = sql_flush  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.exit(main())
