"""Makes what all tests share: compiled tests, and migrated databases on SQLite and PostgreSQL.

``python -m tests.shared``. Tests would make them too, but all processes would wait for
the first one, which migrates on one core, and each would compile all tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests import databases, on_postgres


def main() -> None:
    """Make what is missing; leave out PostgreSQL if no server answers."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    with ThreadPoolExecutor() as together:
        results = [
            together.submit(make) for make in (databases.file, on_postgres.prepared, _compile_tests)
        ]
    for result in results:
        result.result()


def _compile_tests() -> None:
    """Have pytest rewrite and compile all tests, as it does when it first collects them."""
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-qq"]
    subprocess.run(collect, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
