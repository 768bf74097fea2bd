"""Runs the tests that use the database on PostgreSQL too, if a server answers.

``python -m tests.on_postgres [arguments of pytest]``; ``TEST_DATABASE_URL`` names the
server.
"""

from __future__ import annotations

import os
import subprocess
import sys

import psycopg

# These use no database, or run servers with their own.
_WITHOUT = ("tests/recognition", "tests/wire", "tests/operations/test_draining.py")
_DEFAULT = "postgres://postgres@127.0.0.1:5432/postgres"


def main() -> int:
    """Return pytest's exit code; 0 if there is no server."""
    url = os.environ.get("TEST_DATABASE_URL", _DEFAULT)
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        print(f"PostgreSQL tests skipped, no server: {str(error).splitlines()[0]}")  # noqa: T201
        return 0
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q"),
            *("-m", "not slow and not e2e"),
            *(f"--ignore={path}" for path in _WITHOUT),
            *("--ignore", "tests/index/test_contract.py"),
            *("--ignore", "tests/index/test_clickhouse.py"),
            *sys.argv[1:],
        ],
        env=os.environ | {"DATABASE_URL": url},
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
