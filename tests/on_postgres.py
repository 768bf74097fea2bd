"""Runs the tests that use the database on PostgreSQL too, if a server answers.

``python -m tests.on_postgres [arguments of pytest]``; ``TEST_DATABASE_URL`` names the
server, with a superuser. pytest loads this module as a plugin then.
"""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import quote

import psycopg
import pytest

from tests import databases

_WITHOUT = (
    # Runs servers of its own, each with its own database.
    "tests/jobs/test_draining.py",
    # The engine knows no database, browsers and clients ask a portal on SQLite. Each
    # process would import their tests only to leave them out.
    "tests/recognition",
    "tests/e2e",
    "tests/wire",
)
_DEFAULT = "postgres://postgres@127.0.0.1:5432/postgres"
_USES_DATABASE = frozenset({"db", "transactional_db", "live_server"})


def main() -> int:
    """Return pytest's exit code; 0 if there is no server."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    fast = prepared()
    if fast is None:
        return 0
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.on_postgres"),
            *("-m", "not slow and not e2e and not any_database"),
            *(f"--ignore={path}" for path in _WITHOUT),
            *sys.argv[1:],
        ],
        env=os.environ | {"DATABASE_URL": fast},
        check=False,
    ).returncode


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


if __name__ == "__main__":
    sys.exit(main())
