"""Makes the migrated databases that all tests share, on SQLite and PostgreSQL at once.

``python -m tests.shared``. Tests would make them too, but all processes would wait for
the first one, which migrates on one core.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from tests import databases, on_postgres


def main() -> None:
    """Make what is missing; leave out PostgreSQL if no server answers."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    with ThreadPoolExecutor() as both:
        on_sqlite, on_server = (
            both.submit(databases.file),
            both.submit(on_postgres.prepared),
        )
    on_sqlite.result()
    on_server.result()


if __name__ == "__main__":
    main()
